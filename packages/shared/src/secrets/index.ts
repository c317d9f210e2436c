export { Redactor, redactor } from './redactor.js';
export { passwordOf, Secret } from './secret.js';
