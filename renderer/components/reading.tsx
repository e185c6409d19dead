import { useEffect, useLayoutEffect, useState } from 'react';
import { useStore } from 'zustand';
import type { CallName } from '../../main/contract/calls.ts';
import { minOf } from '../../main/statistics/extremes.ts';
import { counted, formatDuration } from '../../main/words/numbers.ts';
import { waitLabel } from '../engine/waits.ts';
import { type Wait, waitsStore } from '../state/notices-store.ts';
import { Button } from './button.tsx';
import { useTopDialog } from './dialog.tsx';

/** Milliseconds since the page was opened, renewed every second. */
const useNow = (): number => {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
};

interface WaitLineProps {
  readonly label: string;
  readonly waits: readonly Wait[];
  readonly className: string;
}

/** What is waited for, since when, and Cancel. */
const WaitLine = ({ label, waits, className }: WaitLineProps) => {
  const now = useNow();
  return (
    <div className={className}>
      <p>
        {label}, {formatDuration(Math.max(0, now - minOf(waits.map(({ startedAt }) => startedAt))))}
      </p>
      <progress aria-label={label} />
      <Button small onClick={() => waits.forEach(({ abort }) => abort())}>
        Cancel
      </Button>
    </div>
  );
};

/** A line for each label: waits for many answers of one kind are one. */
export const WaitLines = ({ waits, className }: Pick<WaitLineProps, 'waits' | 'className'>) =>
  [...new Set(waits.map(({ label }) => label))].map((label) => (
    <WaitLine key={label} label={label} waits={waits.filter((wait) => wait.label === label)} className={className} />
  ));

/**
 * Stands where the answer to a call will be, which is still read: its words at once, and after a second the time and
 * Cancel, in the room kept for them.
 */
export const Reading = ({ of }: { readonly of: CallName }) => {
  const label = waitLabel(of);
  const { waits, hold } = useStore(waitsStore);
  useLayoutEffect(() => hold(label), [hold, label]);
  const own = waits.filter((wait) => wait.place === null && wait.label === label);
  return (
    <div className="reading" role="status">
      {own.length === 0 ? (
        <div className="reading-line">
          <p>{label}…</p>
        </div>
      ) : (
        <WaitLines waits={own} className="reading-line" />
      )}
    </div>
  );
};

/** Waits that stand neither in a view nor at the button that waits for the same. */
export const otherWaits = (waits: readonly Wait[], held: readonly string[]): readonly Wait[] => {
  const shown = new Set([...held, ...waits.flatMap(({ place, label }) => (place === null ? [] : [label]))]);
  return waits.filter(({ place, label }) => place === null && !shown.has(label));
};

/**
 * Waits of views that show their last answer meanwhile, or keep no place: in the line at the foot of the window, which
 * never grows by them. A dialog, which covers it, shows them itself.
 */
export const OtherReadings = () => {
  const { waits, held } = useStore(waitsStore);
  const dialog = useTopDialog();
  const others = dialog === null ? otherWaits(waits, held) : [];
  const [longest] = others;
  const more = new Set(others.map(({ label }) => label)).size - 1;
  return (
    <div className="reading job-readings" role="status">
      {longest !== undefined && (
        <>
          <WaitLines waits={others.filter(({ label }) => label === longest.label)} className="reading-line" />
          {more > 0 && <span>and {counted(more, 'answer')} more</span>}
        </>
      )}
    </div>
  );
};
