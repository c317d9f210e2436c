export { deployer } from './wiring.js';
