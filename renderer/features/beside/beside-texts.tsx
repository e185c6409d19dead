import type { BesideColumn, BesideDifference, BesideDocument } from '../../../main/contract/beside.ts';
import { firstDifference } from '../../../main/evaluation/beside.ts';
import { choicesGone, endedText, likelyRows, shownToken } from '../../../main/words/beside.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';

/** The texts next to each other, and the first difference of each plan. */
export const BesideTexts = ({ document: { columns, differences } }: { readonly document: BesideDocument }) => {
  const [unpruned, ...plans] = columns;
  if (unpruned === undefined) return null;
  const parts = plans.map(({ tokens }) => firstDifference(unpruned.tokens, tokens));
  const marks = new Set(parts.filter((at) => at !== null));
  return (
    <>
      <div className="beside-columns">
        <TextColumn column={unpruned} marks={marks} />
        {plans.map((column, index) => (
          <TextColumn key={index} column={column} marks={new Set([parts[index] ?? null].filter((at) => at !== null))} />
        ))}
      </div>
      {differences.map((difference, index) => (
        <Difference key={index} difference={difference} name={plans[index]?.name ?? ''} />
      ))}
    </>
  );
};

const TextColumn = ({ column, marks }: { readonly column: BesideColumn; readonly marks: ReadonlySet<number> }) => (
  <section className="beside-column" aria-label={`Text of ${column.name}`}>
    <h3>{column.name}</h3>
    <p className="beside-text">
      {column.tokens.map(({ text }, index) =>
        marks.has(index) ? (
          <mark key={index}>{text.trim() === '' ? shownToken(text) : text}</mark>
        ) : (
          <span key={index}>{text}</span>
        ),
      )}
    </p>
    <small className="muted">{endedText(column)}</small>
  </section>
);

const Difference = ({ difference, name }: { readonly difference: BesideDifference | null; readonly name: string }) => {
  if (difference === null)
    return (
      <section aria-label={`First difference of ${name}`}>
        <h3>{name}</h3>
        <p className="muted">No token differs in what both wrote.</p>
      </section>
    );
  const layers = difference.layers.map((each, layer) => ({ ...each, layer }));
  return (
    <section className="beside-difference" aria-label={`First difference of ${name}`}>
      <h3>
        {name}: <Definition of="firstDifference">first difference</Definition> at new token {difference.at + 1}
      </h3>
      <p>{choicesGone(difference)}</p>
      <div className="beside-tables">
        <DataTable
          caption={`Likeliest tokens of unpruned and ${name}`}
          columns={[
            { key: 'rank', title: '#', cell: ({ rank }) => rank },
            { key: 'unpruned', title: 'unpruned', cell: ({ unpruned }) => <Token text={unpruned.text} /> },
            {
              key: 'unpruned probability',
              title: <Definition of="tokenProbability">probability</Definition>,
              numeric: true,
              cell: ({ unpruned }) => unpruned.probability,
            },
            { key: 'pruned', title: name, cell: ({ pruned }) => <Token text={pruned.text} /> },
            {
              key: 'pruned probability',
              title: 'probability',
              numeric: true,
              cell: ({ pruned }) => pruned.probability,
            },
          ]}
          rows={likelyRows(difference)}
          rowKey={({ rank }) => rank}
        />
        <DataTable
          caption={`Experts used by the unpruned model, and gone under ${name}`}
          columns={[
            { key: 'layer', title: 'MoE layer', cell: ({ layer }) => String(layer) },
            {
              key: 'experts',
              title: <Definition of="usedExperts">experts used</Definition>,
              cell: ({ experts, gone }) => <Experts experts={experts} gone={gone} />,
            },
            { key: 'gone', title: 'gone', numeric: true, cell: ({ gone }) => String(gone.length) },
          ]}
          rows={layers}
          rowKey={({ layer }) => String(layer)}
        />
      </div>
    </section>
  );
};

const Token = ({ text }: { readonly text: string }) => <code className="beside-token">{shownToken(text)}</code>;

/** The experts by number; those that are gone are struck through. */
const Experts = ({ experts, gone }: { readonly experts: readonly number[]; readonly gone: readonly number[] }) => (
  <span className="beside-experts">
    {experts.map((expert) =>
      gone.includes(expert) ? <s key={expert}>{expert}</s> : <span key={expert}>{expert}</span>,
    )}
  </span>
);
