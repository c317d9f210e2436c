import { spawn } from 'node:child_process';

// Whoever is on its list is killed when the other end of its pipe is closed, however that came about: a frozen process, too, would
// outlive us otherwise.
const REAPER = `
trap '' HUP INT TERM
all=" "
while read -r sign pid; do
  case $sign in
    +) all="$all$pid " ;;
    -) all="\${all%% $pid *} \${all#* $pid }" ;;
  esac
done
for pid in $all; do kill -KILL "$pid"; done
rm -rf "$1"`;

/** Kills the processes on its list and deletes the folder when this process ends, also when it is killed. */
export function startReaper(folder) {
  const child = spawn('/bin/sh', ['-c', REAPER, 'reaper', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.on('error', () => undefined);
  return {
    add: (pid) => child.stdin.write(`+ ${pid}\n`),
    remove: (pid) => child.stdin.write(`- ${pid}\n`),
    close: () => child.stdin.end(),
  };
}
