import { chartQuestion, MATRIX_CAPTION, thresholdValue } from '../../../main/words/verdicts.ts';
import { SortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Disclosure, Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { formatRange } from '../../../main/words/numbers.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { truncationIn, truncationLine } from '../../../main/words/truncation.ts';
import { Findings } from './findings.tsx';
import { matrixColumns, ThresholdCell, TRUNCATED } from './matrix-parts.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { cellBracketText, thresholdText } from '../../../main/figures/point-words.ts';

/** Tasks by models for one method: threshold, bracket, verdict; a click opens the curve behind it. */
const ThresholdMatrix = (props: SectionProps & { readonly method: string }) => {
  const { sizeTrend, document, method, tasks, known, title, isSelected, onSelect } = props;
  const truncationOf = truncationIn(document?.results ?? []);
  const { needed } = sizeTrend;
  const matchingThresholds = sizeTrend.thresholds.filter((threshold) => threshold.method === method);
  const name = methodTitle(method);
  const columns = matrixColumns(sizeTrend, {
    title,
    heading: { title: <strong>{name}</strong>, words: `task, ${name}` },
    itemsOf: (task) => matchingThresholds.filter((entry) => entry.task === task).map(({ n }) => n),
    thresholdOf: (task, model) => matchingThresholds.find((entry) => entry.task === task && entry.model === model),
  });
  return (
    <SortedTable label={`Thresholds by ${name}`} className="threshold-matrix" columns={columns} rows={tasks}>
      {(task) => {
        const ofTask = matchingThresholds.filter((threshold) => threshold.task === task);
        const metric = known.find((entry) => entry.name === task)?.metric;
        return (
          <tr key={task}>
            <th scope="row" title={title(task)}>
              {title(task)}
            </th>
            <td className="numeric muted">{formatRange(ofTask.map(({ n }) => n))}</td>
            {sizeTrend.models.map(({ name: model }) => {
              const threshold = ofTask.find((entry) => entry.model === model);
              if (threshold === undefined)
                return (
                  <td key={model} className="numeric muted">
                    –
                  </td>
                );
              const truncated = truncationOf(threshold);
              const told = thresholdText(threshold, title(task), { needed, trainings: [] }, metric);
              const notes = truncated === undefined ? [] : [truncationLine({ ...truncated, task: title(task) })];
              const text = { title: told.title, lines: [...told.lines, ...notes] };
              const [value, bracket] = [thresholdValue(threshold), cellBracketText(threshold, needed, metric)];
              return (
                <ThresholdCell
                  key={model}
                  threshold={threshold}
                  text={text}
                  label={[
                    value,
                    bracket,
                    ...(truncated === undefined ? [] : [TRUNCATED]),
                    [text.title, ...text.lines].join(', '),
                  ].join(' ')}
                  isTruncated={truncated !== undefined}
                  isSelected={isSelected}
                  onSelect={onSelect}
                >
                  <strong>{value}</strong>
                  {bracket}
                </ThresholdCell>
              );
            })}
          </tr>
        );
      }}
    </SortedTable>
  );
};

const TITLE = 'Thresholds';
const [beforeBracket, ...afterBracket] = MATRIX_CAPTION.split('bracket');

/** Models by tasks, one table per method: how far each can be pruned. */
export const MatrixSection = (props: SectionProps) => {
  const { manifest, document, sizeTrend, shown } = props;
  return (
    <Section
      label={TITLE}
      title={<Definition of="threshold">{chartQuestion('thresholds')}</Definition>}
      end={
        document !== undefined && (
          <SaveFigure
            subject={manifest.id}
            view={({ thresholdsView }) => thresholdsView({ manifest, document })}
            hasPicture={false}
          />
        )
      }
    >
      <Findings sizeTrend={sizeTrend} chart="thresholds" />
      <Disclosure summary="How to read it">
        <p className="chart-caption">
          {beforeBracket}
          <Definition of="bracket">bracket</Definition>
          {afterBracket.join('bracket')}
        </p>
      </Disclosure>
      <div className={sizeTrend.models.length > 4 ? 'matrices matrices-wide' : 'matrices'}>
        {shown.map((method) => (
          <ThresholdMatrix key={method} {...props} method={method} />
        ))}
      </div>
    </Section>
  );
};
