import { type ReactNode, useCallback, useEffect, useMemo, useRef } from 'react';
import { useStore } from 'zustand';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { IconButton } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { EmptyState } from '../../components/panel.tsx';
import type { DefinitionName } from '../../definitions/definitions.ts';
import { useFacts } from '../../engine/facts.ts';
import { inTaskTitles, titlesOf } from '../../format/task-titles.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { sweepNotes } from '../../../main/words/verdicts.ts';
import { formatCount, formatFixed } from '../../../main/words/numbers.ts';
import { useResolvedTheme, type ResolvedTheme } from '../../state/theme.ts';
import { curvesStore } from '../../state/view-stores.ts';
import { broughtByPoint } from '../../sweep/brought.ts';
import { isPoint, pointKey } from '../../sweep/points.ts';
import { showPoint } from '../../sweep/show-point.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { ReadingPoints } from './axis-of-model.tsx';
import { factorTicks } from './chart-rows.ts';
import { CurveChart } from './curve-chart.tsx';
import { ResultsTable, ThresholdsTable, CurtailedList } from './curves-tables.tsx';
import { sweepMethods, taskCurves } from './task-curves.ts';
import { methodOfLabel } from '../../../main/contract/method.ts';
import { MethodToggles } from '../../sweep/sweep-controls.tsx';

const SMALL_HEIGHT = 176;
const LARGE_HEIGHT = 420;

/** The absolute curves of all tasks, or all points as a table; thresholds below. */
export const CurvesOfTasks = ({ asTable }: { readonly asTable: boolean }) => {
  const facts = useFacts();
  const theme = useResolvedTheme();
  const { manifest, model, document, delta, error } = useSweep();
  const { enlarged, hiddenMethods, enlarge } = useStore(curvesStore);
  const methods = useMemo(() => (document === undefined ? [] : sweepMethods(document)), [document]);
  const taskNames = facts.tasks.map((task) => task.name).join('\n');
  const curves = useMemo(
    () => (document === undefined || model === null ? [] : taskCurves(document, model, methods, taskNames.split('\n'))),
    [document, model, methods, taskNames],
  );
  const run = manifest?.id ?? '';
  const known = useRef(facts);
  useEffect(() => {
    known.current = facts;
  });
  const select = useCallback(
    (result: SweepResult) => {
      const key = pointKey(run, result);
      showPoint(key, broughtByPoint(known.current, key));
    },
    [run],
  );
  if (manifest === null || model === null) return null;
  const point = facts.selection.point;
  const selected =
    point?.run !== manifest.id ? null : (document?.results.find((result) => isPoint(result, point)) ?? null);
  const ticks = factorTicks(curves);
  const curtailed = (document?.curtailed ?? []).filter((one) => one.model === model);
  const title = titlesOf(facts.tasks);
  const shown =
    enlarged !== null && curves.some((task) => task.task === enlarged)
      ? curves.filter((task) => task.task === enlarged)
      : curves;
  const running = manifest.state === 'running' || manifest.state === 'queued';

  return (
    <>
      {document === undefined && error === null ? (
        <ReadingPoints />
      ) : curves.length === 0 ? (
        <EmptyState icon="chart" title={running ? 'Waiting for the first points…' : 'This sweep has no points yet'}>
          {running
            ? 'Missing profiles are made first; then points appear here one by one.'
            : 'Resume it from the list of runs on the left.'}
        </EmptyState>
      ) : (
        <>
          {!asTable && document !== undefined && (
            <div className="curves-head curves-head-legend">
              <CurvesLegend methods={methods} theme={theme} delta={delta} />
              <SaveFigure
                subject={manifest.id}
                view={({ curvesView }) =>
                  curvesView({ manifest, document, theme }, model, {
                    tasks: shown.map(({ task }) => task),
                    methods: methods.filter((method) => !hiddenMethods.includes(method)),
                  })
                }
              />
            </div>
          )}
          {asTable ? (
            <ResultsTable
              results={document?.results.filter((result) => result.model === model) ?? []}
              title={title}
              selected={selected}
              onSelect={select}
            />
          ) : (
            <div className={shown.length === 1 ? 'curve-grid curve-grid-one' : 'curve-grid'}>
              {shown.map((task) => (
                <figure key={task.task} className="curve-panel">
                  <figcaption>
                    <h3>{title(task.task)}</h3>
                    <span className="muted number">
                      <Definition of={task.metric}>
                        {task.unpruned === null ? task.metric : formatFixed(task.unpruned, 3)}
                      </Definition>
                      , n {formatCount(task.n)}
                    </span>
                    <IconButton
                      icon={shown.length === 1 ? 'close' : 'expand'}
                      label={shown.length === 1 ? 'Show all tasks' : `Enlarge ${title(task.task)}`}
                      onClick={() => enlarge(shown.length === 1 ? null : task.task)}
                    />
                  </figcaption>
                  <CurveChart
                    id={`curve-${task.task}`}
                    curves={task}
                    methods={methods}
                    hidden={hiddenMethods}
                    title={title(task.task)}
                    chance={facts.tasks.find((known) => known.name === task.task)?.chance ?? null}
                    delta={delta}
                    ticks={ticks}
                    theme={theme}
                    height={shown.length === 1 ? LARGE_HEIGHT : SMALL_HEIGHT}
                    selected={selected?.task === task.task ? selected : null}
                    onSelect={select}
                  />
                </figure>
              ))}
            </div>
          )}
          {curtailed.length > 0 && <CurtailedList points={curtailed} title={title} />}
          <ThresholdsTable
            curves={curves}
            methods={methods}
            rule={document?.rule ?? ''}
            notes={(document === undefined ? [] : sweepNotes(document)).map((note) => inTaskTitles(note, facts.tasks))}
            title={title}
            running={running}
          />
        </>
      )}
    </>
  );
};

interface CurvesLegendProps {
  readonly methods: readonly string[];
  readonly theme: ResolvedTheme;
  readonly delta: number;
}

/** Explains lines, markers and rings; a click hides a method in the charts. */
const CurvesLegend = ({ methods, theme, delta }: CurvesLegendProps) => (
  <div className="curves-legend">
    <MethodToggles methods={methods} theme={theme} />
    {methods.some((method) => methodOfLabel(method).isRecovered) && (
      <span>
        <svg width="16" height="16" aria-hidden="true">
          <circle cx="8" cy="8" r="4" fill="var(--surface)" stroke="var(--text-muted)" strokeWidth="1.3" />
          <circle cx="8" cy="8" r="1.5" fill="var(--text-muted)" />
        </svg>
        <Definition of="recoveredMark">recovered</Definition>
      </span>
    )}
    <span className="legend-rule" />
    <LineMark of="unprunedLine" stroke="var(--text-muted)">
      unpruned
    </LineMark>
    <LineMark of="marginLine" stroke="var(--text-muted)" dash="4 3">
      unpruned − {formatFixed(delta, 3)}
    </LineMark>
    <LineMark of="chance" stroke="var(--text-faint)" dash="1 3">
      chance
    </LineMark>
    <span>
      <svg width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.5" fill="none" stroke="var(--text-muted)" strokeWidth="1.3" />
        <circle cx="8" cy="8" r="2.6" fill="var(--text-muted)" />
      </svg>
      <Definition of="threshold">threshold</Definition>
    </span>
    <span>
      <svg width="10" height="14" aria-hidden="true">
        <line x1="5" x2="5" y1="1" y2="13" stroke="var(--text-muted)" strokeWidth="1.2" />
      </svg>
      <Definition of="pairedDifference">95 % interval</Definition>
    </span>
  </div>
);

interface LineMarkProps {
  readonly of: DefinitionName;
  readonly stroke: string;
  readonly dash?: string;
  readonly children: ReactNode;
}

const LineMark = ({ of, stroke, dash, children }: LineMarkProps) => (
  <span>
    <svg width="22" height="12" aria-hidden="true">
      <line x1="0" x2="22" y1="6" y2="6" stroke={stroke} strokeDasharray={dash} />
    </svg>
    <Definition of={of}>{children}</Definition>
  </span>
);
