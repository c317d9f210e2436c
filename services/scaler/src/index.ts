export { scaler } from './wiring.js';
