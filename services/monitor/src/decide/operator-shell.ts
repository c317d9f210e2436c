import type { ProcessFact } from './runaway-process.js';

const SHELLS = new Set([
  'bash',
  'zsh',
  'fish',
  'sh',
  'dash',
  'ksh',
  'mksh',
  'ash',
  'tcsh',
  'csh',
  'nu',
  'elvish',
  'xonsh',
  'pwsh',
]);
/** They hold terminals, or lend somebody's rights: with them goes what runs inside. */
const HOLDERS = new Set(['tmux', 'screen', 'zellij', 'dtach', 'abduco', 'byobu', 'mosh-server', 'sudo', 'su', 'doas', 'login']);
/** An interactive shell is called with options at most: a script, or -c with a command, is work like any other. */
const ONLY_OPTIONS = /^\S+(?: -(?!c\b)\S+)*$/;

/** How a shell or terminal multiplexer of the operator is known; null for anything else. */
export function operatorShell(process: ProcessFact): 'shell' | 'holder' | null {
  const { name, program, terminal } = process;
  // tmux and screen write a title of their own: "tmux: server", "SCREEN".
  if ([name.split(':')[0]?.toLowerCase(), program].some((known) => known && HOLDERS.has(known))) return 'holder';
  const called = program?.replace(/^-/, '') ?? name;
  if (!SHELLS.has(called) && !SHELLS.has(name)) return null;
  if (program?.startsWith('-')) return 'shell';
  if (terminal && (process.session === process.pid || process.commandLine?.matches(ONLY_OPTIONS))) return 'shell';
  return null;
}

/**
 * The process groups that are a shell's own. What a shell starts for a person gets a group of its own and may be a victim; what
 * shares the shell's is part of it.
 */
export function shellGroups(processes: readonly ProcessFact[]): ReadonlySet<number> {
  const shells = processes.filter((each) => each.processGroup > 0 && operatorShell(each) === 'shell');
  return new Set(shells.filter((each) => each.commandLine?.matches(ONLY_OPTIONS)).map((each) => each.processGroup));
}
