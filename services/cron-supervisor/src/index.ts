export { cronSupervisor } from './wiring.js';
