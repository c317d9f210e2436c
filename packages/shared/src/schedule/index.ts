export { nextSlot } from './next-slot.js';
export { parseSchedule, type Schedule, scheduleText } from './schedule.js';
export { isTimeZone, LONGEST_EVERY_MS, scheduleIssue } from './schedule-issue.js';
export { type ClockChange, clockChange } from './zone-offset.js';
