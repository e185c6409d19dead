import { createHash } from 'node:crypto';
import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { clusterWork, type ClusterWork } from '../contract/cluster.ts';
import { fail } from '../contract/errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { makePrivateFolder } from '../workspace/user-key.ts';

/** Folder in the user's state that contains one file per submission. */
const FOLDER = 'submissions';
const MAX_RECORD_BYTES = 2 ** 20;

/** The fields that actions depend on: the host to ask, and the jobs to cancel. */
const submission = clusterWork.pick({
  run: true,
  title: true,
  request: true,
  array: true,
  join: true,
  script: true,
  submittedAt: true,
});
export type Submission = z.infer<typeof submission>;

const submissionFile = z.object({ workspace: boundedText, submission });

/**
 * The submissions that this user's engines made from a workspace, recorded outside of it: only these are followed and
 * cancelled, whatever a run's folder says.
 */
export interface Submissions {
  /** Null: no engine of this user has submitted the run in this workspace. */
  read(run: string): Promise<Submission | null>;
  write(submission: Submission): Promise<void>;
  remove(run: string): Promise<void>;
}

export const createSubmissions = (state: string, workspace: string): Submissions => {
  const folder = join(state, FOLDER);
  const locate = async (run: string): Promise<{ readonly file: string; readonly workspace: string }> => {
    const real = await realpath(workspace);
    const name = createHash('sha256').update(`${real}\0${run}`).digest('hex').slice(0, 32);
    return { file: join(folder, `${name}.json`), workspace: real };
  };
  return {
    read: async (run) => {
      const located = await locate(run);
      const limits = { mostBytes: MAX_RECORD_BYTES };
      const found = await readJsonIfThere(located.file, submissionFile, limits, (cause) =>
        fail(
          'submission-damaged',
          `${located.file} does not describe a submission.`,
          'Remove it; jobs that still run are cancelled with scancel.',
          cause,
        ),
      );
      return found?.workspace === located.workspace && found.submission.run === run ? found.submission : null;
    },
    write: async ({ run, title, request, array, join: joining, script, submittedAt }) => {
      const located = await locate(run);
      await makePrivateFolder(folder);
      const made: Submission = { run, title, request, array, join: joining, script, submittedAt };
      const text = JSON.stringify({ workspace: located.workspace, submission: made }, null, 2);
      await writeFileAtomically(located.file, `${text}\n`);
    },
    remove: async (run) => rm((await locate(run)).file, { force: true }),
  };
};

/**
 * Combines a submission with the state last recorded in its run's folder; `seen` belongs to an earlier or foreign
 * submission where its jobs differ.
 */
export const workOfSubmission = (made: Submission, seen: ClusterWork | null): ClusterWork => {
  const isOfIt = seen !== null && seen.array === made.array && seen.join === made.join;
  const { state, error, away, tasks, parts } =
    isOfIt && seen.state !== 'unfollowed'
      ? seen
      : { state: 'active' as const, error: null, away: false, tasks: [], parts: { done: 0, of: 0 } };
  return { ...made, state, error, away, tasks: [...tasks], parts };
};

/** Work that a run's folder records but that no engine of this user submitted: shown, never acted on. */
export const unfollowedWork = (seen: ClusterWork): ClusterWork => ({
  ...seen,
  state: 'unfollowed',
  error:
    `Not followed: the run's folder names array ${seen.array} and joining job ${seen.join}` +
    `${seen.request.host === null ? '' : ` on ${seen.request.host}`}, and no engine of yours submitted them from ` +
    'here (a copy, another user, or an earlier version)',
  away: false,
});
