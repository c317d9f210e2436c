import './waiting-process.js';
import { runService } from '@ops/shared/runtime';
import { monitor } from './wiring.js';

await runService(monitor);
