import { useRef } from 'react';
import type { RunManifest } from '../../../main/contract/run.ts';
import { labelRun } from '../../actions/runs.ts';
import { useRequest } from '../../engine/engine-context.tsx';
import { runsStore } from '../../state/runs-store.ts';

const MOST_LETTERS = 200;

interface RunNameFieldProps {
  readonly run: RunManifest;
  /** Displayed name. */
  readonly name: string;
}

/** Edits a run's name in place: Enter or leaving the field saves, Escape cancels; an empty name restores the title. */
export const RunNameField = ({ run, name }: RunNameFieldProps) => {
  const { start } = useRequest();
  const isOver = useRef(false);
  /** `field`: set if a key ended the edit; the row then takes over the focus. */
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
