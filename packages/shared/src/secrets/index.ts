export { Redactor, redactor } from './redactor.js';
export { passwordsOf, Secret } from './secret.js';
