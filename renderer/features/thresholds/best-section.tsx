import type { SizeThreshold } from '../../../main/contract/size-trend.ts';
import { bracketWords, reachText, thresholdValue } from '../../../main/words/verdicts.ts';
import { afterSelection, type BestCell, bestCell, bestMethods, ownTasks } from '../../../main/figures/best-figure.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { formatRange } from '../../../main/words/numbers.ts';
import { SortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { matrixColumns, ThresholdCell } from './matrix-parts.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { cellBracketText, thresholdText } from '../../../main/figures/threshold-words.ts';

const TITLE = 'How far each model can be pruned';

/**
 * Models by tasks: the best threshold, its method and bracket, that of the task's written twin, how far texts end as
 * often, and how far plans are safe on every task.
 */
export const BestSection = (props: SectionProps) => {
  const { manifest, sizeTrend, shown, tasks, theme, title } = props;
  const itemsOf = (task: string): readonly number[] =>
    sizeTrend.thresholds.filter((one) => one.task === task).map(({ n }) => n);
  const thresholdOf = (task: string, name: string): SizeThreshold | undefined => {
    const model = sizeTrend.models.find((one) => one.name === name);
    return model === undefined ? undefined : bestCell(sizeTrend, model, task, shown).best?.best;
  };
  return (
    <Section
      label={TITLE}
      title={<Definition of="threshold">{TITLE}</Definition>}
      note={
        <>
          the best of {shown.length === 1 ? '1 method' : `${shown.length} methods`},{' '}
          <Definition of="afterSelection">selected after seeing all</Definition>
        </>
      }
      end={
        <SaveFigure
          subject={manifest.id}
          view={({ bestThresholdsView }) =>
            bestThresholdsView({ manifest, sizeTrend, theme }, { tasks, methods: shown })
          }
        />
      }
    >
      <SortedTable
        label="Best threshold of every model and task"
        className="threshold-matrix best-matrix"
        columns={matrixColumns(sizeTrend, { title, heading: { title: 'Task' }, itemsOf, thresholdOf })}
        rows={ownTasks(sizeTrend, tasks)}
      >
        {(task) => (
          <tr key={task}>
            <th scope="row" title={title(task)}>
              {title(task)}
            </th>
            <td className="numeric muted">{formatRange(itemsOf(task))}</td>
            {sizeTrend.models.map((model) => (
              <Cell key={model.name} {...props} {...bestCell(sizeTrend, model, task, shown)} />
            ))}
          </tr>
        )}
      </SortedTable>
    </Section>
  );
};

type CellProps = SectionProps & Pick<BestCell, 'task' | 'best' | 'written' | 'selected'>;

const Cell = ({ sizeTrend, known, title, isSelected, onSelect, task, best, written, selected }: CellProps) => {
  if (best === null) return <td className="numeric muted">–</td>;
  const metric = known.find(({ name }) => name === task)?.metric;
  const text = thresholdText(best.best, title(task), { needed: sizeTrend.needed, trainings: [] }, metric);
  const others = best.methods.slice(1).map(methodTitle);
  const bracket = cellBracketText(best.best, sizeTrend.needed, metric).replace(/ worse .*$/u, '');
  const [value, byWriting] = [best, written].map((one) => (one === null ? '' : thresholdValue(one.best)));
  const twin = written === null ? '' : `written ${byWriting ?? ''}`;
  const { everywhere } = best.best;
  const elsewhere = everywhere === undefined ? '' : `on every task ${reachText(everywhere)}`;
  const { endings } = (written ?? best).best;
  const ends = endings === undefined ? '' : `ends as often ${thresholdValue(endings)}`;
  const chosen = afterSelection({ selected }, sizeTrend.methods.length);
  const seen = [bestMethods(best), value, twin, bracket, chosen, ends, elsewhere]
    .filter((part) => part !== '')
    .join(' ');
  const lines = [
    ...text.lines,
    ...(selected === null || chosen === '' ? [] : [`${chosen} (${bracketWords(selected.best)})`]),
    ...(others.length === 0 || bestMethods(best) === '' ? [] : [`equally far: ${others.join(', ')}`]),
    ...(best.cannotTell.length === 0 ? [] : [`cannot tell: ${best.cannotTell.map(methodTitle).join(', ')}`]),
    ...(written === null
      ? []
      : [`answers written: ${thresholdValue(written.best)} by ${written.methods.map(methodTitle).join(', ')}`]),
    ...(endings === undefined ? [] : [`texts end as often ${reachText(endings)}`]),
  ];
  return (
    <ThresholdCell
      threshold={best.best}
      text={{ title: text.title, lines }}
      label={`${seen} Best for ${title(task)}: ${[text.title, ...lines].join(', ')}`}
      isSelected={isSelected}
      onSelect={onSelect}
    >
      {/* The spaces keep the parts apart where they are read as one text. */}
      {bestMethods(best) !== '' && <small className="best-method">{bestMethods(best)}</small>}{' '}
      <strong className="best-end">{value}</strong> {twin !== '' && <small>{twin}</small>}{' '}
      <small className="best-end">{bracket}</small> {chosen !== '' && <small className="best-line">{chosen}</small>}{' '}
      {ends !== '' && <small className="best-line">{ends}</small>}{' '}
      {elsewhere !== '' && <small className="best-line">{elsewhere}</small>}
    </ThresholdCell>
  );
};
