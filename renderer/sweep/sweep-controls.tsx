import { useStore } from 'zustand';
import { methodStyle } from '../../main/figures/method-marks.ts';
import { MethodMarker } from '../charts/legend.tsx';
import { Button } from '../components/button.tsx';
import { Checkbox, Field, Select } from '../components/choices.tsx';
import { Definition } from '../components/definition.tsx';
import { formatMargin } from '../../main/words/numbers.ts';
import { PopPanel } from '../components/pop-panel.tsx';
import { useFacts } from '../engine/facts.ts';
import { formatWhen } from '../format/format-time.ts';
import { shownRunName } from '../format/run-names.ts';
import { methodTitle } from '../../main/words/methods.ts';
import { layoutStore } from '../state/layout-store.ts';
import type { ResolvedTheme } from '../state/theme.ts';
import { curvesStore } from '../state/view-stores.ts';
import { selectOpened } from './brought.ts';
import { sweepDelta, useSweep } from './shown-sweep.ts';
import { EmptyState } from '../components/panel.tsx';

/** Selects the sweep shown in all views; a sweep of other models also changes the selected model. */
export const SweepSelect = () => {
  const facts = useFacts();
  const { sweeps, manifest } = useSweep();
  if (manifest === null) return null;
  const offered = sweeps.filter((run) => run.label?.archived !== true || run.id === manifest.id);
  return (
    <span className="sweep-select">
      <Select
        label="Sweep"
        value={manifest.id}
        options={offered.map((run) => ({
          value: run.id,
          label: `${shownRunName(run, facts.tasks)}, ${formatWhen(run.createdAt, new Date())}`,
        }))}
        onChange={(id) => {
          const run = sweeps.find((known) => known.id === id);
          if (run !== undefined) selectOpened(facts, run);
        }}
      />
    </span>
  );
};

/** The way on from a view that has nothing to show before a sweep. */
export const SetUpSweep = () => (
  <Button look="primary" onClick={() => layoutStore.getState().show('workbench')}>
    Set up a sweep
  </Button>
);

interface NotYetProps {
  readonly running: boolean;
  /** What is waited for, and when it comes. */
  readonly waiting: string;
  readonly soon: string;
  /** What the sweep lacks if it is not running. */
  readonly lacks: string;
}

/** In place of what a sweep has not measured yet. */
export const NotYet = ({ running, waiting, soon, lacks }: NotYetProps) => (
  <EmptyState icon="chart" title={running ? `Waiting for the first ${waiting}…` : `This sweep has ${lacks}`}>
    {running ? soon : 'Resume it from the list of runs on the left.'}
  </EmptyState>
);

/** The rule of all verdicts in a few words; the panel below it changes margin and level. */
export const RuleChip = () => {
  const { delta } = useSweep();
  const familywise = useStore(curvesStore, (state) => state.familywise);
  return (
    <PopPanel
      name="Threshold rule"
      title="Margin and level of all verdicts"
      label={`loses at most ${formatMargin(delta)}${familywise ? ', familywise' : ''}`}
    >
      <DeltaSlider />
      <p className="muted">
        Safe: the lower end of the one-sided 95 % interval is at least −{formatMargin(delta)}
        {familywise ? ', for all thresholds of the sweep together' : ', each threshold by itself'}.
      </p>
    </PopPanel>
  );
};

/** The margin of the threshold rule, shared by all views; the engine reevaluates thresholds without inference. */
export const DeltaSlider = () => {
  const { manifest, delta } = useSweep();
  const { moveDelta } = curvesStore.getState();
  const stopDelta = (): void => moveDelta(false);
  const familywise = useStore(curvesStore, (state) => state.familywise);
  const started = sweepDelta(manifest);
  return (
    <Field label={<Definition of="delta" />}>
      {(id) => (
        <>
          <input
            id={id}
            type="range"
            className="delta-slider"
            min={0.005}
            max={Math.max(0.15, started)}
            step={0.005}
            value={delta}
            aria-valuetext={`${formatMargin(delta)}${delta === started ? ', as in the sweep’s settings' : ''}`}
            onChange={(event) => curvesStore.setState({ delta: Number(event.target.value) })}
            onPointerDown={() => moveDelta(true)}
            onKeyDown={({ repeat }) => moveDelta(repeat)}
            onPointerUp={stopDelta}
            onPointerCancel={stopDelta}
            onKeyUp={stopDelta}
            onBlur={stopDelta}
          />
          <output htmlFor={id} className="number delta-value">
            {formatMargin(delta)}
          </output>
          <Checkbox checked={familywise} onChange={(isTogether) => curvesStore.setState({ familywise: isTogether })}>
            <Definition of="familywise">familywise</Definition>
          </Checkbox>
          {delta !== started && (
            <Button
              look="quiet"
              small
              title={`Back to ${formatMargin(started)}, as in the sweep’s settings`}
              onClick={() => curvesStore.setState({ delta: null })}
            >
              Reset
            </Button>
          )}
        </>
      )}
    </Field>
  );
};

interface MethodTogglesProps {
  /** All methods of the sweep, in their usual order. */
  readonly methods: readonly string[];
  readonly theme: ResolvedTheme;
}

/** The methods with their lines and marks; a click hides one in all charts. */
export const MethodToggles = ({ methods, theme }: MethodTogglesProps) => {
  const { hiddenMethods, toggleMethod } = useStore(curvesStore);
  return methods.map((method, order) => {
    const style = methodStyle(method, order);
    const color = style[theme];
    return (
      <button
        key={method}
        type="button"
        className="legend-method"
        aria-pressed={!hiddenMethods.includes(method)}
        onClick={() => toggleMethod(method)}
      >
        <svg width="30" height="12" aria-hidden="true">
          <line x1="0" x2="30" y1="6" y2="6" stroke={color} strokeWidth="1.8" strokeDasharray={style.dash} />
          <MethodMarker style={style} theme={theme} x={15} y={6} r={3.6} />
        </svg>
        {methodTitle(method)}
      </button>
    );
  });
};
