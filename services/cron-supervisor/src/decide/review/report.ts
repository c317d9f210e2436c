import { counted } from './in-words.js';
import { dateOf, type Review } from './review.js';

/** More rows than this nobody reads: the rest is counted. */
const MOST_ROWS = 100;
const MOST_NAMES = 30;
const LONGEST_NAME = 80;
const LONGEST_CELL = 400;

const WORDS = {
  'runtime-drift': 'slower bit by bit',
  'runtime-step': 'runtime changed',
  'intermittent-failures': 'fails now and then',
  'missed-slots': 'missed slots',
  'silent-successes': 'success that is none',
  collision: 'collides',
} as const;

/** A review for a person, in Markdown: the worst first, what to do about it by which command, and in one line what is well. */
export function reviewReport(review: Review): string {
  const { window, jobs, runs, findings, proposals } = review;
  const found = new Set(findings.map(({ job_id }) => job_id));
  const well = jobs.filter(({ job_id }) => !found.has(job_id));
  const parts = [
    `# Scheduled jobs, ${dateOf(window.from)} to ${dateOf(window.to)}`,
    `${counted(jobs.length, 'job')}, ${counted(runs, 'run')}: ${found.size === 0 ? 'nothing found' : `${counted(findings.length, 'finding')} about ${counted(found.size, 'job')}`}.`,
    ...(findings.length === 0 ? [] : ['## Found', foundTable(findings, dateOf(window.to))]),
    ...(proposals.length === 0
      ? []
      : [
          '## Proposed',
          proposedTable(proposals),
          'What you do not want: `ops cron dismiss <proposal> --reason <why>`, and it is not proposed again.',
        ]),
    ...(well.length === 0 ? [] : ['## Nothing found', `${names(well.map(({ name }) => name))}.`]),
    `Review ${review.review_id}; runtimes since ${dateOf(window.trend_from)}.`,
  ];
  return `${parts.join('\n\n')}\n`;
}

// What stands there again is marked, so that nobody reads it for something new.
function foundTable(findings: Review['findings'], today: string): string {
  const rows = findings.map(({ job_name, kind, text, facts }) => [
    plain(job_name),
    WORDS[kind],
    plain(text),
    facts.first_found === today ? 'new' : `since ${facts.first_found}`,
  ]);
  return table(['job', '', 'what', ''], rows);
}

function proposedTable(proposals: Review['proposals']): string {
  const rows = proposals.map(({ proposal_id, job_name, change, current, proposed, reason }) => [
    plain(job_name),
    change.kind,
    code(current),
    code(proposed),
    plain(reason),
    code(`ops cron apply ${proposal_id}`),
  ]);
  return table(['job', 'what', 'now', 'proposed', 'why', 'to apply it'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const more = rows.length > MOST_ROWS ? [`\nAnd ${rows.length - MOST_ROWS} more.`] : [];
  return [line(head), line(head.map(() => '---')), ...rows.slice(0, MOST_ROWS).map(line), ...more].join('\n');
}

// Names and reasons are written by others: they must stay in their cell, and be no markup.
function plain(text: string): string {
  return oneLine(text).replace(/[\\`|<>[\]*_]/g, '\\$&');
}

// A schedule is full of stars, and a person reads the Markdown as it is, too.
function code(text: string): string {
  return `\`${oneLine(text).replace(/`/g, "'").replace(/\|/g, '\\|')}\``;
}

function oneLine(text: string): string {
  return cut(text, LONGEST_CELL).replace(/[\r\n]+/g, ' ');
}

function names(all: readonly string[]): string {
  const shown = all.slice(0, MOST_NAMES).map((name) => plain(cut(name, LONGEST_NAME)));
  return `${shown.join(', ')}${all.length > MOST_NAMES ? ` and ${all.length - MOST_NAMES} more` : ''}`;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
