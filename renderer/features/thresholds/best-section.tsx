import type { SizeThreshold } from '../../../main/contract/size-trend.ts';
import { bracketWords, reachText } from '../../../main/words/verdicts.ts';
import {
  type BestCell,
  bestCell,
  bestLines,
  bestMethods,
  cellLines,
  cellWords,
  ownTasks,
  strictestLine,
} from '../../../main/figures/best-cell.ts';
import { countedMethods, methodTitle } from '../../../main/words/methods.ts';
import { formatFactor, formatRange } from '../../../main/words/numbers.ts';
import { truncationIn, truncationLine } from '../../../main/words/truncation.ts';
import { SortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { cellTint, matrixColumns, ThresholdCell, TRUNCATED } from './matrix-parts.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { cellBracketText, thresholdText } from '../../../main/figures/point-words.ts';

const TITLE = 'How far each model can be pruned';

/**
 * Models by tasks: the best threshold, its method and bracket, that of the task's written twin, how far texts end as
 * often, and how far plans are safe on every task.
 */
export const BestSection = (props: SectionProps) => {
  const { manifest, sizeTrend, document, shown, tasks, theme, title } = props;
  const truncationOf = truncationIn(document?.results ?? []);
  const itemsOf = (task: string): readonly number[] =>
    sizeTrend.thresholds.filter((threshold) => threshold.task === task).map(({ n }) => n);
  const thresholdOf = (task: string, name: string): SizeThreshold | undefined => {
    const model = sizeTrend.models.find((entry) => entry.name === name);
    return model === undefined ? undefined : bestCell(sizeTrend, model, task, shown).best?.best;
  };
  return (
    <Section
      label={TITLE}
      title={<Definition of="threshold">{TITLE}</Definition>}
      note={
        <>
          the best of {countedMethods(shown)}, <Definition of="afterSelection">selected after seeing all</Definition>
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
      <CellLegend sizeTrend={sizeTrend} shown={shown} />
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
              <Cell
                key={model.name}
                {...props}
                {...bestCell(sizeTrend, model, task, shown)}
                truncationOf={truncationOf}
              />
            ))}
          </tr>
        )}
      </SortedTable>
    </Section>
  );
};

/** What colours and words of the cells mean, as far as the sweep has them. */
const CellLegend = ({ sizeTrend, shown }: Pick<SectionProps, 'sizeTrend' | 'shown'>) => {
  const { thresholds, selected } = sizeTrend;
  const factors = [...new Set(thresholds.flatMap(({ lastSafe }) => ((lastSafe ?? 1) > 1 ? [lastSafe ?? 1] : [])))];
  return (
    <div className="cell-legend">
      <ul aria-label="Colours of the cells">
        <li>Coloured by the strictest line:</li>
        {factors
          .sort((left, right) => left - right)
          .map((factor, index) => (
            <li key={factor}>
              <i className="swatch cell-swatch" style={cellTint(factor)} /> {index === 0 ? 'safe to ' : ''}
              {formatFactor(factor)}
            </li>
          ))}
        <li>
          <i className="swatch cell-swatch cell-swatch-unsafe" /> unsafe
        </li>
        <li>
          <i className="swatch cell-swatch" /> <em>cannot tell</em>
        </li>
      </ul>
      <ul aria-label="Words of the cells">
        <li>
          <Definition of="bracket">[4, 8)</Definition> safe to ×4, not to ×8
        </li>
        {shown.length > 1 && <li>+2: by two more methods</li>}
        {selected.length > 0 && (
          <li>
            <Definition of="afterSelection">selected</Definition>: after the choice of a method
          </li>
        )}
        {thresholds.some(({ endings }) => endings !== undefined) && (
          <li>
            <Definition of="endsAsOften">endings</Definition>: texts end as often
          </li>
        )}
        {thresholds.some(({ everywhere }) => everywhere !== undefined) && (
          <li>
            <Definition of="everywhere">everywhere</Definition>: safe on every task
          </li>
        )}
      </ul>
    </div>
  );
};

interface CellProps extends SectionProps, Pick<BestCell, 'task' | 'best' | 'written' | 'selected'> {
  readonly truncationOf: ReturnType<typeof truncationIn>;
}

const Cell = (props: CellProps) => {
  const { sizeTrend, known, title, isSelected, onSelect, task, best, written, selected, truncationOf } = props;
  if (best === null) return <td className="numeric muted">–</td>;
  const metric = known.find(({ name }) => name === task)?.metric;
  const text = thresholdText(best.best, title(task), { needed: sizeTrend.needed, trainings: [] }, metric);
  const others = best.methods.slice(1).map(methodTitle);
  const bracket = cellBracketText(best.best, sizeTrend.needed, metric).replace(/ worse .*$/u, '');
  const every = bestLines({ model: '', experts: 0, task, best, written, selected }, sizeTrend.methods.length);
  const shownLines = cellLines(every);
  const strictest = strictestLine(every);
  const truncated = [best, written].flatMap((entry) => (entry === null ? [] : (truncationOf(entry.best) ?? [])));
  const seen = [
    ...shownLines.flatMap((line) => [cellWords(line, every), line.kind === 'chosen' ? bracket : '', line.value]),
    truncated.length > 0 ? TRUNCATED : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
  const selection = every.find(({ kind }) => kind === 'selected');
  const { everywhere } = best.best;
  const { endings } = (written ?? best).best;
  const lines = [
    ...text.lines,
    ...(selected === null || selection === undefined
      ? []
      : [`after selection ${selection.value} (${bracketWords(selected.best)})`]),
    ...(others.length === 0 || bestMethods(best) === '' ? [] : [`equally far: ${others.join(', ')}`]),
    ...(best.cannotTell.length === 0 ? [] : [`cannot tell: ${best.cannotTell.map(methodTitle).join(', ')}`]),
    ...(written === null
      ? []
      : [`answers written: ${reachText(written.best)} by ${written.methods.map(methodTitle).join(', ')}`]),
    ...(endings === undefined ? [] : [`texts end as often ${reachText(endings)}`]),
    ...(everywhere === undefined ? [] : [`safe on every task ${reachText(everywhere)}`]),
    ...(strictest === undefined || strictest.kind === 'chosen'
      ? []
      : [`coloured by its strictest line: ${strictest.kind}`]),
    ...truncated.map((entry) => truncationLine({ ...entry, task: title(entry.task) })),
  ];
  return (
    <ThresholdCell
      threshold={best.best}
      colouredBy={strictest?.threshold}
      text={{ title: text.title, lines }}
      label={`${seen} Best for ${title(task)}: ${[text.title, ...lines].join(', ')}`}
      isSelected={isSelected}
      onSelect={onSelect}
      isTruncated={truncated.length > 0}
    >
      {/* The spaces keep the parts apart where they are read as one text. */}
      {shownLines.map((line) => (
        <span key={line.kind} className="best-line">
          <small className={line.kind === 'chosen' ? 'best-method best-first' : 'best-method'}>
            {cellWords(line, every)}{' '}
          </small>
          {line.kind === 'chosen' ? (
            <strong>
              <small>{bracket} </small>
              {line.value}{' '}
            </strong>
          ) : (
            <small>{line.value} </small>
          )}
        </span>
      ))}
    </ThresholdCell>
  );
};
