import { setFlagsFromString } from 'node:v8';

// Imported before everything else. A monitor waits most of the time, on a host whose memory is short: V8's young generation, which grows
// to 16 MB and more with what comes and goes, doubled what it held. With 1 MB it collects more often, and little each time.
setFlagsFromString('--max-semi-space-size=1');
setFlagsFromString('--optimize-for-size');
// Ten times what V8 takes by itself in Node 20 (132 kB of bytecode run): what runs twice a second is not worth compiling, and was still
// being compiled minutes after a start. What runs for each process of a table still is (its figures in docs/bench-guard.md are with this).
setFlagsFromString('--interrupt-budget=1351680');
