import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { reshard } from '../../main/checkpoint/checkpoint-files.ts';
import type { Attack } from './attack.ts';
import { bundledModel, momentOf, runUncurl, startUncurl } from './command-line.ts';
import { goOn, outcomeOf, plainSweep, resumeArgs, runsIn, undisturbedSweep } from './sweeps.ts';

/** Two engines run the same sweep in one workspace; one is killed, and its run resumed beside the other. */
export const twoEngines = async (folder: string): Promise<Attack> => {
  const { right, tookMs } = await undisturbedSweep(folder, plainSweep);
  return {
    name: 'two engines, one killed',
    once: async (random) => {
      const workspace = await mkdtemp(path.join(folder, 'workspace-'));
      const other = startUncurl(plainSweep(workspace));
      const first = await runUncurl(plainSweep(workspace), momentOf(random, tookMs));
      const [, run] = /^Run (\S+)$/m.exec(first.said) ?? [];
      const isThere = run !== undefined && (await runsIn(workspace)).includes(run);
      const again = first.wasKilled && isThere ? await runUncurl(resumeArgs(run, workspace)) : null;
      const otherEnded = await other.ended;
      // If the first was killed before it had a run, there is nothing of it to compare.
      const ended = again ?? (first.wasKilled ? otherEnded : first);
      const counts = { kills: Number(first.wasKilled), resumed: Number(again !== null) };
      const outcome = await outcomeOf(otherEnded.code === 0 ? ended : otherEnded, workspace, right, counts);
      await rm(workspace, { recursive: true });
      return outcome;
    },
  };
};

/**
 * An engine that is suspended during a run, loses it to another engine, and wakes while that one is working or done.
 */
export const takeover = async (folder: string): Promise<Attack> => {
  const { right, tookMs } = await undisturbedSweep(folder, plainSweep);
  return {
    name: 'takeover',
    once: async (random) => {
      const workspace = await mkdtemp(path.join(folder, 'workspace-'));
      const stopped = startUncurl(plainSweep(workspace));
      await pause(momentOf(random, tookMs));
      stopped.child.kill('SIGSTOP');
      const [run] = await runsIn(workspace);
      const taking = run === undefined ? null : startUncurl([...resumeArgs(run, workspace), '--take-over']);
      if (random.float() < 0.5) await pause(momentOf(random, tookMs));
      else await taking?.ended;
      stopped.child.kill('SIGCONT');
      const first = await stopped.ended;
      const ended = (await taking?.ended) ?? first;
      const outcome = await outcomeOf(ended, workspace, right, { kills: 0, resumed: Number(taking !== null) });
      await rm(workspace, { recursive: true });
      return outcome;
    },
  };
};

/** A disk that is full at a random moment of a sweep, and has space again when it is resumed. Needs root, on Linux. */
export const fullDisk = async (folder: string): Promise<Attack> => {
  const { right } = await undisturbedSweep(folder, plainSweep);
  return {
    name: 'full disk',
    once: async (random) => {
      const disk = await mkdtemp(path.join(folder, 'disk-'));
      const sizeKilobytes = 16 + Math.floor(random.float() * 110);
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(sizeKilobytes)}k`, 'tmpfs', disk]);
      try {
        const workspace = path.join(disk, 'workspace');
        const first = await runUncurl(plainSweep(workspace));
        const isFull = first.code !== 0;
        if (isFull && !/No space is left|too little space/.test(first.said))
          return { kills: 0, resumed: 0, isSame: null, said: first.said, leftovers: 0 };
        execFileSync('mount', ['-o', 'remount,size=64m', disk]);
        const ended = isFull ? await goOn(plainSweep(workspace), workspace, null) : first;
        return await outcomeOf(ended, workspace, right, { kills: 0, resumed: Number(isFull) });
      } finally {
        execFileSync('umount', [disk]);
        await rm(disk, { recursive: true });
      }
    },
  };
};

/** A shard of the model that is missing at a random moment of a sweep, and back when it is resumed. */
export const vanishedShard = async (folder: string): Promise<Attack> => {
  const model = path.join(folder, 'sharded', 'uncurl-8');
  await mkdir(path.dirname(model));
  await cp(bundledModel, model, { recursive: true });
  await reshard(model, 3, (_, position) => 1 + (position % 3));
  const { right, tookMs } = await undisturbedSweep(folder, plainSweep, model);
  const shard = path.join(model, 'model-00002-of-00003.safetensors');
  return {
    name: 'vanished shard',
    once: async (random) => {
      const workspace = await mkdtemp(path.join(folder, 'workspace-'));
      const running = startUncurl(plainSweep(workspace, model));
      await pause(momentOf(random, tookMs));
      await rename(shard, `${shard}.away`);
      const first = await running.ended;
      await rename(`${shard}.away`, shard);
      const isNamed = first.code === 0 || first.said.includes(path.basename(shard));
      if (!isNamed) return { kills: 0, resumed: 0, isSame: null, said: first.said, leftovers: 0 };
      const ended = first.code === 0 ? first : await goOn(plainSweep(workspace, model), workspace, null);
      const outcome = await outcomeOf(ended, workspace, right, { kills: 0, resumed: Number(first.code !== 0) });
      await rm(workspace, { recursive: true });
      return outcome;
    },
  };
};
