import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { runProgram } from '../../../main/finetune/run-program.ts';
import { shutIn } from '../../../main/harness/sandbox.ts';

const NAME = `uncurl-shut-in-${String(process.pid)}`;

/** Says which files it could write to (opening one changes nothing by itself), and whether it sees a socket. */
const PROBE = `
socket=$1; shift
for file in "$@"; do ( : >> "$file" ) 2> /dev/null && echo "wrote $file"; done
test -S "$socket" && echo "sees a socket"
mount -o remount,bind,rw / 2> /dev/null && echo "made files writable again"
unshare --user true 2> /dev/null && echo "made a namespace"
head -c 1 /dev/urandom > here && echo x > /dev/null && echo x > /dev/shm/${NAME} && echo ended
`;

it.runIf(process.platform === 'linux')(
  'a program that is shut in changes no file, device or setting of the machine, whoever starts it',
  async ({ skip }) => {
    const [folder, sockets] = [await mkdtemp(join(tmpdir(), 'uncurl-shut-in-')), await mkdtemp('/tmp/uncurl-socket-')];
    const socket = join(sockets, 'own');
    const server = createServer();
    const outside = [
      join(dirname(folder), NAME),
      ...['/etc', '/run', '/dev', '/sys/fs/cgroup'].map((place) => join(place, NAME)),
      // Root may write to these, and a program that root starts is root.
      ...['/proc/sys/kernel/core_pattern', '/proc/self/oom_score_adj', '/sys/kernel/uevent_helper', '/dev/kmsg'],
    ];
    try {
      const command = await shutIn(['sh', '-c', PROBE, 'probe', socket, ...outside], folder).catch((error: unknown) => {
        if (error instanceof Error && error.message.includes('this system does not allow it')) skip(error.message);
        throw error;
      });
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
      const [program = '', ...parameters] = command;
      const signal = AbortSignal.timeout(600_000);
      const { stdout, stderr } = await runProgram(program, parameters, { signal, folder });
      expect({ stdout, stderr }).toEqual({ stdout: 'ended\n', stderr: '' });
      for (const file of [...outside.slice(0, 5), join(folder, 'here'), join('/dev/shm', NAME)])
        expect(existsSync(file), file).toBe(false);
    } finally {
      server.close();
      await rm(folder, { recursive: true });
      await rm(sockets, { recursive: true });
    }
  },
);
