import { useRef } from 'react';
import type { RunManifest } from '../../../main/contract/run.ts';
import { labelRun } from '../../actions/runs.ts';
import { useRequest } from '../../engine/engine-context.tsx';
import { runsStore } from '../../state/runs-store.ts';

const MOST_LETTERS = 200;

interface RunNameFieldProps {
  readonly run: RunManifest;
  /** As it is shown. */
  readonly name: string;
}

/** Writes a run's name where it stands: Enter or leaving keeps it, Escape does not; empty gives the title back. */
export const RunNameField = ({ run, name }: RunNameFieldProps) => {
  const { start } = useRequest();
  const isOver = useRef(false);
  /** `field`: it was ended by a key, and the row takes the focus that the field had. */
  const end = (typed: string | null, field: HTMLElement | null): void => {
    if (isOver.current) return;
    isOver.current = true;
    const row = field?.closest('li');
    runsStore.getState().rename(null);
    requestAnimationFrame(() => row?.querySelector<HTMLElement>('.row-main')?.focus());
    const given = typed?.trim() ?? '';
    if (typed === null || given === name) return;
    start((engine) => labelRun(engine, run.id, { name: given === '' || given === run.title ? null : given }));
  };
  return (
    <input
      className="input run-name"
      aria-label={`Name of ${name}`}
      autoFocus
      maxLength={MOST_LETTERS}
      defaultValue={name}
      onFocus={(event) => event.target.select()}
      onBlur={(event) => end(event.target.value, null)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Enter') end(event.currentTarget.value, event.currentTarget);
        else if (event.key === 'Escape') end(null, event.currentTarget);
      }}
    />
  );
};
