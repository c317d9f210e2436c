import { hash } from 'node:crypto';

const PER_PRODUCER = 8;

/** The subjects of a producer: its own, so that their order is its doing. */
export const subjectsOf = (producer) => Array.from({ length: PER_PRODUCER }, (_, index) => `${producer}-s${index + 1}`);

/** What an event is for; the same event after a restart has the same id by it. */
export const purposeOf = (subject, seq) => `${subject}/${seq}`;

/** Whether the handlers answer an event with another one: one in ten. */
export const isAnswered = (id) => Number.parseInt(hash('sha256', id).slice(0, 4), 16) % 10 === 0;
