/**
 * What the gateway is told. It reads the text: a reason that speaks of time, network or HTTP makes it run the killed job again
 * after 30 s (2026.9.6), so the reason of an incident never goes there.
 */
export const KILL_REASON = 'supervisor: exceeded 2x expected';
