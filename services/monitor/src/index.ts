export { monitor } from './wiring.js';
