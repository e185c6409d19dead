import { type CallName, calls, madeRun, type Subject } from './calls.ts';
import { assertNever } from './errors.ts';
import type { EngineEvent } from './events.ts';

/** Whether a known answer to a call is out of date. */
export type StaleCalls = (name: CallName, input: unknown) => boolean;

const reads = (name: CallName): readonly Subject[] => calls[name].reads;

/** The runs named in an input: as `run`, or several as `runs`. */
const runsOf = (input: unknown): readonly unknown[] => {
  if (typeof input !== 'object' || input === null) return [];
  if ('run' in input) return [input.run];
  return 'runs' in input && Array.isArray(input.runs) ? input.runs : [];
};

const none: StaleCalls = () => false;

/** The calls that read one of the subjects. */
export const callsThatRead =
  (...subjects: readonly Subject[]): StaleCalls =>
  (name) =>
    reads(name).some((subject) => subjects.includes(subject));

/** The calls that read the results of this run: their input names it, alone or among others. */
export const callsThatReadRun =
  (run: string): StaleCalls =>
  (name, input) =>
    reads(name).includes('results') && runsOf(input).includes(run);

const anyOf =
  (...several: readonly StaleCalls[]): StaleCalls =>
  (name, input) =>
    several.some((isStale) => isStale(name, input));

/** The calls that read the results of a running sweep, but for its document: events carry the changes of that. */
export const staleAfterChange = (run: string): StaleCalls => {
  const readsRun = callsThatReadRun(run);
  return (name, input) => name !== 'sweep.read' && readsRun(name, input);
};

/** The calls whose answers one of this call makes stale at once: a run that it made or resumed is in no list yet. */
export const staleAfterAnswer = (name: CallName): StaleCalls =>
  calls[name].output === madeRun || name === 'jobs.resume' ? callsThatRead('runs', 'jobs') : none;

/**
 * The calls whose answers an event makes stale, by the subjects that each call reads. Lists of runs, jobs and clusters'
 * work are not included: events carry their changes.
 */
export const staleAfter = (event: EngineEvent): StaleCalls => {
  switch (event.type) {
    case 'job.progress':
    case 'job.problem':
    case 'beside.written':
    case 'python.changed':
    case 'harness.changed':
      return none;
    case 'cluster.changed':
      return (name, input) => name === 'cluster.log' && runsOf(input).includes(event.work.run);
    case 'run.changed': {
      const { state, id, kind } = event.manifest;
      if (state === 'queued') return callsThatRead('measured');
      if (state === 'running') return none;
      // Their finding is shown in the list.
      const tellsFinding = kind === 'verify' || kind === 'reproduce';
      const readers = callsThatReadRun(id);
      if (kind === 'sweep') return anyOf(readers, callsThatRead('sweeps'));
      return tellsFinding ? anyOf(readers, callsThatRead('runs')) : readers;
    }
    case 'run.removed':
      return callsThatRead('measured', 'sweeps', 'trash');
    case 'jobs.reordered':
      return callsThatRead('jobs');
    case 'settings.changed':
      return callsThatRead('settings');
    case 'runs.relisted': {
      const lists = callsThatRead('runs', 'measured', 'sweeps', 'trash');
      // What was asked while the run was in the trash was answered with an error.
      return event.restored === undefined ? lists : anyOf(callsThatReadRun(event.restored), lists);
    }
    case 'sweep.changed':
      // What has begun is another document; the later changes of it are in their events.
      if (event.change.what === 'begun') return callsThatReadRun(event.run);
      return staleAfterChange(event.run);
    case 'experiment.arm':
    case 'fit.changed':
      return callsThatReadRun(event.run);
    case 'profile.ready':
      return callsThatRead('profiles');
    case 'models.changed':
      return callsThatRead('models');
    case 'tasks.changed':
      return callsThatRead('tasks');
    case 'device.changed':
      return callsThatRead('device');
    default:
      return assertNever(event);
  }
};
