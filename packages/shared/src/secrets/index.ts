export { Redactor, redactor } from './redactor.js';
export { Secret } from './secret.js';
