import { useCallback, useMemo } from 'react';
import { useStore } from 'zustand';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { EmptyState } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { useFacts } from '../../engine/facts.ts';
import { formatCount, formatFixed } from '../../../main/figures/numbers.ts';
import { layoutStore } from '../../state/layout-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { curvesStore } from '../../state/view-stores.ts';
import { isPoint, pointKey } from '../../sweep/points.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { factorTicks } from './chart-rows.ts';
import { CurveChart } from './curve-chart.tsx';
import { CurvesControls, CurvesLegend } from './curves-controls.tsx';
import { ResultsTable, ThresholdsTable } from './curves-tables.tsx';
import { sweepMethods, sweepModels, taskCurves } from './task-curves.ts';
import { ToldList } from './told-list.tsx';
import '../../sweep/sweep.css';

const SMALL_HEIGHT = 176;
const LARGE_HEIGHT = 420;

export const CurvesView = () => {
  const facts = useFacts();
  const theme = useResolvedTheme();
  const { manifest, document, delta, error } = useSweep();
  const { asTable, model: chosenModel, enlarged, hiddenMethods, enlarge } = useStore(curvesStore);
  const models = useMemo(() => (document === undefined ? [] : sweepModels(document)), [document]);
  const model = models.find((name) => name === chosenModel) ?? models[0] ?? null;
  const methods = useMemo(() => (document === undefined ? [] : sweepMethods(document)), [document]);
  const taskNames = facts.tasks.map((task) => task.name).join('\n');
  const curves = useMemo(
    () => (document === undefined || model === null ? [] : taskCurves(document, model, methods, taskNames.split('\n'))),
    [document, model, methods, taskNames],
  );
  const run = manifest?.id ?? '';
  const select = useCallback(
    (result: SweepResult) => selectionStore.getState().selectPoint(pointKey(run, result)),
    [run],
  );
  if (manifest === null) {
    return (
      <EmptyState
        icon="chart"
        title="No sweep yet"
        action={
          <Button look="primary" onClick={() => layoutStore.getState().show('prune')}>
            Set up a sweep
          </Button>
        }
      >
        A sweep measures accuracy on test items for every method and factor. Its curves and thresholds appear here,
        point by point.
      </EmptyState>
    );
  }
  const point = facts.selection.point;
  const selected =
    point?.run !== manifest.id ? null : (document?.results.find((result) => isPoint(result, point)) ?? null);
  const ticks = factorTicks(curves);
  const told = (document?.told ?? []).filter((one) => one.model === model);
  const title = (name: string): string => facts.tasks.find((task) => task.name === name)?.title ?? name;
  const shown =
    enlarged !== null && curves.some((task) => task.task === enlarged)
      ? curves.filter((task) => task.task === enlarged)
      : curves;
  const running = manifest.state === 'running' || manifest.state === 'queued';

  return (
    <>
      <CurvesControls models={models} model={model} methods={methods} curves={shown} />
      <div className="view-body">
        {manifest.error !== null && (
          <Problem
            error={{
              message: manifest.error,
              remedy: 'Resume the run from the list on the left: finished steps are on disk.',
            }}
          />
        )}
        {error !== null && <Problem error={error} />}
        {curves.length === 0 ? (
          <EmptyState icon="chart" title={running ? 'Waiting for the first points…' : 'This sweep holds no points yet'}>
            {running
              ? 'Profiles are made first where they are missing; then points arrive here one by one.'
              : 'Resume it from the list of runs on the left.'}
          </EmptyState>
        ) : (
          <>
            {!asTable && <CurvesLegend methods={methods} theme={theme} delta={delta} />}
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
            {told.length > 0 && <ToldList points={told} title={title} />}
            <ThresholdsTable
              curves={curves}
              methods={methods}
              rule={document?.rule ?? ''}
              notes={document?.notes ?? []}
              title={title}
              running={running}
            />
          </>
        )}
      </div>
    </>
  );
};
