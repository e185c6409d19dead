import type { ReactNode } from 'react';
import { present } from '../../main/contract/errors.ts';
import { type DefinitionName, definitions } from '../definitions/definitions.ts';
import { Tooltip } from './tooltip.tsx';

/** Text with its `names` set as code. */
export const Words = ({ text }: { readonly text: string }) =>
  text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));

interface DefinitionProps {
  readonly of: DefinitionName;
  /** The displayed word; by default the term. */
  readonly children?: ReactNode;
}

/** A word whose definition appears on hover and keyboard focus. */
export const Definition = ({ of, children }: DefinitionProps) => {
  const definition = present(definitions[of], `there is no definition of ${of}`);
  return (
    <Tooltip
      className="definition"
      content={
        <>
          <strong>{definition.term}</strong>
          <p>{definition.text}</p>
          {definition.formula !== undefined && <code>{definition.formula}</code>}
        </>
      }
    >
      {children ?? definition.term}
    </Tooltip>
  );
};
