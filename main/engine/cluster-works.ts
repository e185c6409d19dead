import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readClusterWork, readLogEnd, removeClusterWork, writeClusterWork } from '../cluster/cluster-record.ts';
import { clusterTasks } from '../cluster/cluster-tasks.ts';
import { commandsOn, type RunCommand } from '../cluster/run-command.ts';
import { createSubmissions, unfollowedWork, workOfSubmission } from '../cluster/submissions.ts';
import { cancelJobs, nodesOf, readTasks, requireOneKind, slurmScript, submitJobs } from '../cluster/slurm.ts';
import { failureText } from '../words/cluster.ts';
import { shellWord } from '../words/equivalent-command.ts';
import { type ClusterLog, type ClusterRequest, type ClusterWork, isActive } from '../contract/cluster.ts';
import type { EngineEvent } from '../contract/events.ts';
import { expected, refuse, requireAsked, serialiseError, WorkbenchError } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { clearWork, WORK_FOLDER } from '../jobs/work-folder.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { runCode } from '../workspace/run-binding.ts';
import type { ApprovedManifest } from './approved-run.ts';
import { followClusterWork } from './follow-cluster-work.ts';
import { MEMORY_SHARE } from './machine.ts';

const SCRIPT = 'slurm.sh';
/** Placeholder for the name of a run that does not exist yet. */
const NEXT_RUN = 'RUN';
/** Placeholder for the code that its manifest will have. */
const NEXT_CODE = 'CODE';

/** Services of the engine that its cluster part uses. */
export interface ClusterHost {
  readonly workspace: Workspace;
  /** Folder of the per-user state of the engines (user-key.ts). */
  readonly state: string;
  readonly now: () => number;
  readonly emit: (event: EngineEvent) => void;
  /** Command that starts the command line on a node that shares this machine's files; null if there is none. */
  readonly uncurl: readonly string[] | null;
  /** Returns the manifest of a run that may be worked on (approved-run.ts). */
  readonly approve: (run: string, confirmed: string | undefined) => Promise<ApprovedManifest>;
  /** Number of parts of a sweep; refuses other runs. */
  readonly countParts: (manifest: ApprovedManifest) => Promise<number>;
  readonly commands?: (host: string | null) => RunCommand;
}

interface Followed {
  work: ClusterWork;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

/** Submits sweeps to clusters and follows them. Each method answers one call of the contract. */
export interface ClusterWorks {
  script(run: string | undefined, request: ClusterRequest): Promise<string>;
  submit(run: string, request: ClusterRequest, signal: AbortSignal, confirmed?: string): Promise<ClusterWork>;
  list(): Promise<ClusterWork[]>;
  cancel(run: string): Promise<void>;
  forget(run: string): Promise<void>;
  log(run: string, task: number | null): Promise<ClusterLog>;
  /** Resumes following submissions of earlier engines. The first call searches, concurrent ones wait for it. */
  find(manifests: readonly RunManifest[]): Promise<void>;
  /** Whether a cluster works on the run as far as this engine knows. */
  worksOn(run: string): boolean;
  /** A run as listed: one that a cluster works on is shown as running, although no engine has locked it. */
  shown(manifest: RunManifest): RunManifest;
  /** Refuses what would disturb a cluster's work. */
  requireNotOn(run: string): void;
  /** Stops following; the jobs continue. */
  dispose(): Promise<void>;
}

export const createClusterWorks = (host: ClusterHost): ClusterWorks => {
  const { workspace, state: stateFolder, now, emit, uncurl, approve, countParts, commands = commandsOn } = host;
  const { runs, temporaryFolder } = workspace;
  const submissions = createSubmissions(stateFolder, workspace.path);
  const known = new Map<string, Followed>();
  /** Runs with unreadable submissions, with the reason. They do not hide the others. */
  const damaged = new Map<string, string>();
  let found: Promise<void> | null = null;

  const worksOn = (run: string): boolean => known.get(run)?.work.state === 'active';
  const shown = (manifest: RunManifest): RunManifest => {
    if (worksOn(manifest.id) && manifest.state !== 'done') return { ...manifest, state: 'running' };
    const reason = manifest.damaged ?? damaged.get(manifest.id);
    return reason === undefined ? manifest : { ...manifest, damaged: reason };
  };

  const scriptOf = (run: string, request: ClusterRequest, code: string): string => {
    const words = request.command ?? uncurl?.map(shellWord).join(' ');
    if (words === undefined)
      throw refuse(
        'no-cluster-command',
        'A cluster node cannot start this window.',
        'Enter the command that starts uncurl there, for example: node /shared/uncurl/main/cli/uncurl.ts',
      );
    return slurmScript({ run, workspace: workspace.path, uncurl: words, code, memoryShare: MEMORY_SHARE }, request);
  };

  /** The last submission of a run, according to this user's own record if there is one. */
  const lastWork = async (run: string): Promise<ClusterWork | null> => {
    const [seen, made] = [await readClusterWork(runs.folder(run)), await submissions.read(run)];
    if (made !== null) return workOfSubmission(made, seen);
    return seen === null || seen.state === 'done' || seen.state === 'cancelled' ? seen : unfollowedWork(seen);
  };

  const tell = (work: ClusterWork): void => {
    const followed = known.get(work.run);
    if (followed !== undefined) followed.work = work;
    emit({ type: 'cluster.changed', work });
  };

  /** Announces before writing: on a full shared disk the record stays outdated, and later readers ask Slurm anyway. */
  const put = async (work: ClusterWork): Promise<void> => {
    tell(work);
    await writeClusterWork(runs.folder(work.run), work, temporaryFolder).catch(expected(() => undefined, 'disk-full'));
  };

  /** Records the end of the submission in the run's manifest, unless somebody works on the run. */
  const markRun = async (work: ClusterWork): Promise<void> => {
    const { run, state } = work;
    if (state === 'failed' || state === 'cancelled') {
      const lock = await runs.lock(run);
      try {
        const finishedAt = new Date(now()).toISOString();
        const error = state === 'failed' ? failureText(work) : null;
        const manifest = await runs.read(run);
        // It finished before the cancellation took effect or was noticed.
        if (manifest.state !== 'done') await runs.write({ ...manifest, state, error, finishedAt });
      } finally {
        await lock.release();
      }
    }
    emit({ type: 'run.changed', manifest: shown(await runs.read(run)) });
  };

  /** Ends a submission as `state`: writes its record, then the run's. */
  const end = async (work: ClusterWork): Promise<void> => {
    await put(work);
    // A failed submission is checked once more before the run is submitted again.
    if (work.state !== 'failed') await submissions.remove(work.run);
    // Where somebody else works on the run or removed it, its state is theirs.
    await markRun(work).catch(expected(() => undefined, ['run-locked', 'no-such-run']));
  };

  const follow = (work: ClusterWork): void => {
    const controller = new AbortController();
    const followed: Followed = {
      work,
      controller,
      ended: Promise.resolve().then(async () => {
        try {
          const last = await followClusterWork(work, {
            command: commands(work.request.host),
            runFolder: runs.folder(work.run),
            isRunDone: async () => (await runs.read(work.run)).state === 'done',
            changed: put,
            ticked: tell,
            signal: controller.signal,
          });
          await end(last);
        } catch (error) {
          if (controller.signal.aborted) return;
          const { message, remedy } = serialiseError(error);
          await end({
            ...followed.work,
            state: 'failed',
            error: `It is no longer followed: ${message.replace(/\.?$/, '.')} ${remedy}`.replace(/\.$/, ''),
          });
        }
      }),
    };
    // A write failure is reported with the work; the jobs are unaffected.
    followed.ended.catch(() => undefined);
    known.set(work.run, followed);
  };

  /** Finds a submission of an earlier engine that may still be running, or that failed. */
  const findEarlier = async (id: string): Promise<void> => {
    try {
      const work = await lastWork(id);
      damaged.delete(id);
      if (known.has(id)) return;
      if (work?.state === 'active') follow(work);
      if (work?.state === 'failed' || work?.state === 'unfollowed')
        known.set(id, { work, controller: new AbortController(), ended: Promise.resolve() });
    } catch (error) {
      if (!(error instanceof WorkbenchError)) throw error;
      damaged.set(id, `${error.message} ${error.remedy}`);
    }
  };

  /** Finds all of them: once, and again for those that could not be read. */
  const findAll = async (manifests: readonly RunManifest[]): Promise<void> => {
    for (const { id, kind, state, damaged: isDamaged } of manifests)
      if (kind === 'sweep' && state !== 'done' && isDamaged === undefined && !known.has(id)) await findEarlier(id);
  };

  /** Refuses while Slurm still works on an earlier submission. */
  const requireOver = async (run: string): Promise<void> => {
    const earlier = known.get(run)?.work ?? (await lastWork(run));
    // A submission that is no longer followed counts as failed, although its jobs may continue.
    if (earlier === null || !['active', 'failed'].includes(earlier.state)) return;
    if (!(await readTasks(commands(earlier.request.host), earlier)).some(isActive)) return;
    throw refuse(
      'already-submitted',
      `${run} is already on the cluster: array ${earlier.array}, joining job ${earlier.join}.`,
      'Wait until it ends, or cancel it.',
    );
  };

  const required = async (run: string): Promise<ClusterWork> => {
    const work = known.get(run)?.work ?? (await lastWork(run));
    if (work !== null) return work;
    throw refuse('not-submitted', `${run} was not submitted to a cluster.`, 'Submit it first.');
  };

  const stopFollowing = async (run: string): Promise<void> => {
    const followed = known.get(run);
    followed?.controller.abort();
    // The reason is already reported as why it is no longer followed.
    await followed?.ended.catch(() => undefined);
    known.delete(run);
  };

  const find = async (manifests: readonly RunManifest[]): Promise<void> => {
    await (found ??= findAll(manifests));
    for (const run of [...damaged.keys()]) await findEarlier(run);
  };

  return {
    find,
    worksOn,
    shown,
    requireNotOn: (run) => {
      if (worksOn(run))
        throw refuse('already-submitted', `A cluster is computing ${run}.`, 'Cancel it there, or wait until it ends.');
    },
    script: async (run, request) =>
      run === undefined
        ? scriptOf(NEXT_RUN, request, NEXT_CODE)
        : scriptOf(run, request, runCode(await runs.read(run))),
    submit: async (run, request, signal, confirmed) => {
      const manifest = await approve(run, confirmed);
      const text = scriptOf(run, request, runCode(manifest));
      const of = await countParts(manifest);
      const command = commands(request.host);
      requireOneKind(await nodesOf(command, request.partition), request);
      const folder = runs.folder(run);
      await requireOver(run);
      await stopFollowing(run);
      const lock = await runs.lock(run);
      try {
        requireAsked(signal);
        await clearWork(folder);
        const logs = join(folder, WORK_FOLDER);
        await mkdir(logs, { recursive: true });
        const script = join(folder, SCRIPT);
        await writeFileAtomically(script, text, temporaryFolder);
        const jobs = await submitJobs(command, run, script, logs, request.workers);
        const work: ClusterWork = {
          run,
          title: manifest.title,
          request,
          array: jobs.array,
          join: jobs.join,
          script,
          submittedAt: new Date(now()).toISOString(),
          state: 'active',
          error: null,
          away: false,
          tasks: [...clusterTasks([], request, new Map())],
          parts: { done: 0, of },
        };
        try {
          await submissions.write(work);
          await writeClusterWork(folder, work, temporaryFolder);
          await runs.write({ ...manifest, state: 'queued', error: null, finishedAt: null });
        } catch (error) {
          await cancelJobs(command, work);
          await submissions.remove(run);
          throw error;
        }
        emit({ type: 'cluster.changed', work });
        follow(work);
        return work;
      } finally {
        await lock.release();
        emit({ type: 'run.changed', manifest: shown(await runs.read(run)) });
      }
    },
    list: async () => {
      await find(await runs.list());
      return [...known.values()]
        .map(({ work }) => work)
        .filter(({ state }) => state === 'active' || state === 'failed' || state === 'unfollowed');
    },
    cancel: async (run) => {
      const work = await required(run);
      if (work.state === 'unfollowed') throw refuse('not-followed', `${work.error ?? ''}.`, 'Cancel it by hand.');
      if (work.state !== 'active')
        throw refuse('not-on-cluster', `${run} is no longer on a cluster.`, 'Check its state.');
      // Before cancelling, else following would report the cancelled jobs as failed.
      await stopFollowing(run);
      try {
        await cancelJobs(commands(work.request.host), work);
      } catch (error) {
        follow(work);
        throw error;
      }
      await end({ ...work, state: 'cancelled' });
    },
    forget: async (run) => {
      const work = await required(run);
      if (work.state === 'active')
        throw refuse('already-submitted', `${run} is on the cluster.`, 'Cancel it, or wait until it ends.');
      await stopFollowing(run);
      await submissions.remove(run);
      await removeClusterWork(runs.folder(run));
      emit({ type: 'cluster.changed', work: { ...work, state: 'cancelled' } });
    },
    log: async (run, task) => {
      const path = (await required(run)).tasks.find((entry) => entry.task === task)?.log ?? null;
      if (path === null)
        throw refuse('no-log', 'Slurm has not reported the path of its log yet.', 'Look again in a moment.');
      try {
        return { path, ...(await readLogEnd(path, runs.folder(run))) };
      } catch (error) {
        if (fileErrorCode(error) === 'ENOENT')
          throw refuse('no-log', `${path} does not exist: nothing was printed yet.`, 'Look again in a moment.');
        throw explainFileError(error, path);
      }
    },
    dispose: async () => {
      for (const run of [...known.keys()]) await stopFollowing(run);
    },
  };
};
