import { runDurationMs, type RunManifest } from '../../../main/contract/run.ts';
import type { RunState } from '../../../main/contract/recorded.ts';
import type { IconName } from '../../components/button.tsx';
import { provenanceBadge } from '../../../main/words/provenance.ts';
import { runKinds } from '../../../main/contract/run-kinds.ts';
import { formatDuration } from '../../../main/words/numbers.ts';
import { formatMoment } from '../../format/format-time.ts';

const stateWords: Readonly<Record<RunState, string>> = {
  queued: 'waiting',
  running: 'running',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  interrupted: 'interrupted',
};

/** A check mark only for a reproduction that matched; a warning for failures and differences. */
export const runIcon = ({ kind, state, finding, damaged }: RunManifest): IconName => {
  if (damaged !== undefined || state === 'failed' || finding === 'different') return 'warning';
  return finding === 'equal' ? 'check' : runKinds[kind].icon;
};

/** A run's state in a word; empty if it is simply done. */
export const runStateText = ({ state, finding, damaged }: RunManifest): string => {
  if (damaged !== undefined) return 'damaged';
  if (state !== 'done') return stateWords[state];
  return finding === 'different' ? 'not equal' : finding === 'equal' ? 'equal' : '';
};

/** What heads a run that was not measured here, short; empty for one that was. */
const provenanceNote = ({ provenance, state }: RunManifest): string =>
  // An unfinished run says so by its state.
  state === 'done' ? (provenanceBadge(provenance) ?? '') : '';

/** "failed · 26 Nov, 10:22 · 3 min": state, time of creation, and time until its end, including waits. */
export const runNote = (run: RunManifest, now: Date): string => {
  const duration = run.damaged === undefined ? runDurationMs(run) : null;
  return [
    runStateText(run),
    provenanceNote(run),
    formatMoment(run.createdAt, now),
    duration === null ? '' : formatDuration(duration),
    run.label?.archived === true ? 'archived' : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
};
