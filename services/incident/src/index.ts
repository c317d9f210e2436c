export { incident } from './wiring.js';
