import { useId, useState } from 'react';
import type { SettingsChange } from '../../../main/contract/settings.ts';
import { changeSettings } from '../../actions/settings.ts';
import { useRequest } from '../../engine/engine-context.tsx';

interface Limits {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
}

interface NumberSettingProps {
  readonly label: string;
  /** Null: the default. */
  readonly value: number | null;
  /** The default, in effect while the field is empty. */
  readonly usual: string;
  readonly limits: Limits;
  readonly write: (value: number | null) => Omit<SettingsChange, 'workspace'>;
  readonly note?: string | null;
}

/** Parses the input: a number within the limits, null if empty, undefined if invalid. */
export const typedNumber = (typed: string, { least, most, whole = false }: Limits): number | null | undefined => {
  if (typed.trim() === '') return null;
  const value = Number(typed);
  const isFit = Number.isFinite(value) && value >= least && value <= most && (!whole || Number.isInteger(value));
  return isFit ? value : undefined;
};

/** A number that is saved on blur or Enter; an empty field means the default. */
export const NumberSetting = ({ label, value, usual, limits, write, note = null }: NumberSettingProps) => {
  const id = useId();
  const { start } = useRequest();
  const [typed, setTyped] = useState(value === null ? '' : String(value));
  const read = typedNumber(typed, limits);
  const keep = (): void => {
    if (read !== undefined && read !== value) start((engine) => changeSettings(engine, { change: write(read) }));
  };
  return (
    <div className="setting">
      <label className="setting-name" htmlFor={id}>
        {label}
      </label>
      <input
        id={id}
        className="input input-number"
        inputMode="decimal"
        aria-invalid={read === undefined}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={keep}
        onKeyDown={(event) => {
          if (event.key === 'Enter') keep();
        }}
      />
      <span className="muted">
        {read === undefined ? `from ${limits.least} to ${limits.most}` : read === null ? `default: ${usual}` : ''}
      </span>
      {note !== null && <p className="setting-note">{note}</p>}
    </div>
  );
};
