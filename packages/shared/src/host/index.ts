export { availableBytes, freeListBytes } from './available-memory.js';
export { type MachineUnits, readMachineUnits } from './machine-units.js';
