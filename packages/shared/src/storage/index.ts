export { type Migrations, migrate, openDatabase } from './database.js';
