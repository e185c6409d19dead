import type { ReactNode } from 'react';
import { definitions } from '../definitions.ts';
import type { DefinitionName, DefinitionText } from '../definitions.ts';
import { Tooltip } from './tooltip.tsx';

interface DefinitionProps {
  readonly of: DefinitionName;
  /** The word on screen; the term itself where none is given. */
  readonly children?: ReactNode;
}

/** A word whose meaning appears on hover and on keyboard focus. */
export const Definition = ({ of, children }: DefinitionProps) => {
  const definition: DefinitionText = definitions[of];
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
