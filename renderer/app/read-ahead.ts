import type { Engine } from '../engine/engine-context.tsx';
import { layoutStore } from '../state/layout-store.ts';
import { noSelection } from '../state/selection.ts';
import { readShown } from '../state/shown-address.ts';
import { shownSweep } from '../sweep/shown-sweep.ts';

/**
 * Asks for the sweep that the page is about to show, the one of its address or the newest, in the turn in which runs
 * and the last view are known: before they are drawn, and while models and tasks are still listed, since each takes as
 * long. It is a reader until the answer is here: the views may come a little later. Returns what ends it before.
 */
export const readSweepAhead = ({ cache }: Pick<Engine, 'cache'>): (() => void) => {
  const [runs, kept] = [cache.reader('runs.list', {}), cache.reader('view.kept', {})];
  let stops: readonly (() => void)[] = [];
  const stop = (): void => {
    for (const each of stops) each();
    stops = [];
  };
  const look = (): void => {
    const [known, view] = [runs.read().data, kept.read().data];
    if (stops.length === 0 || known === undefined || view === undefined) return;
    stop();
    if (layoutStore.getState().isFollowed) return;
    const { hash } = window.location;
    const address = new URLSearchParams((hash.length > 1 ? hash : (view.address ?? '')).replace(/^#/, ''));
    const { margin, familywise } = readShown((key) => address.get(key));
    const named = { ...noSelection, run: address.get('run') };
    const sweep = shownSweep({ runs: known, models: [], selection: named });
    if (sweep === null) return;
    const asked = { run: sweep.id, familywise, delta: margin ?? undefined };
    // The views that read it get the error.
    cache.fetch('sweep.read', asked).catch(() => undefined);
  };
  stops = [runs.subscribe(look), kept.subscribe(look)];
  look();
  return stop;
};
