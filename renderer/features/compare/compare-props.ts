import type { CompareDocument, CompareRow, CompareTask } from '../../../main/contract/compare.ts';
import type { ResolvedTheme } from '../../app/theme.ts';

/** What the parts of the view draw from. */
export interface CompareProps {
  readonly comparison: CompareDocument;
  readonly theme: ResolvedTheme;
  readonly title: (task: string) => string;
  readonly isSelected: (task: CompareTask, row: CompareRow) => boolean;
  /** Selects the point behind a row, for every view. */
  readonly onSelect: (task: CompareTask, row: CompareRow) => void;
}
