import ts from 'typescript';
import { z } from 'zod';

/** One change of a source file. */
export const mutantSchema = z.object({
  /** File, position and change: the same as long as the file is. */
  id: z.string(),
  file: z.string(),
  line: z.number(),
  /** What was, and what is there instead, for readers. */
  change: z.string(),
  start: z.number(),
  end: z.number(),
  text: z.string(),
});
export type Mutant = z.infer<typeof mutantSchema>;

/** Operators that are exchanged for others, one mutant for each. */
const EXCHANGED: ReadonlyMap<ts.SyntaxKind, readonly string[]> = new Map([
  [ts.SyntaxKind.LessThanToken, ['<=', '>']],
  [ts.SyntaxKind.LessThanEqualsToken, ['<', '>']],
  [ts.SyntaxKind.GreaterThanToken, ['>=', '<']],
  [ts.SyntaxKind.GreaterThanEqualsToken, ['>', '<']],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, ['!==']],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, ['===']],
  [ts.SyntaxKind.PlusToken, ['-']],
  [ts.SyntaxKind.MinusToken, ['+']],
  [ts.SyntaxKind.AsteriskToken, ['/']],
  [ts.SyntaxKind.SlashToken, ['*']],
  [ts.SyntaxKind.AmpersandAmpersandToken, ['||']],
  [ts.SyntaxKind.BarBarToken, ['&&']],
]);

const EXCHANGED_CALLS: ReadonlyMap<string, string> = new Map([
  ['Math.min', 'Math.max'],
  ['Math.max', 'Math.min'],
  ['Math.floor', 'Math.ceil'],
  ['Math.ceil', 'Math.floor'],
]);

/** Characters of a change that are shown. */
const SHOWN = 60;

/** Every mutant of a source, in its order. Types, imports, texts and generics are left alone. */
export const everyMutant = (file: string, text: string): readonly Mutant[] => {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Mutant[] = [];
  const short = (code: string): string => code.replace(/\s+/g, ' ').slice(0, SHOWN);
  const add = (node: ts.Node, replacement: string): void => {
    const [start, end] = [node.getStart(source), node.end];
    const change = `${short(text.slice(start, end))} -> ${short(replacement)}`;
    const line = source.getLineAndCharacterOfPosition(start).line + 1;
    found.push({ id: `${file}:${String(start)} ${change}`, file, line, change, start, end, text: replacement });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    if (ts.isBinaryExpression(node) && !joinsText(node))
      for (const other of EXCHANGED.get(node.operatorToken.kind) ?? []) add(node.operatorToken, other);
    if (ts.isNumericLiteral(node)) add(node, String(Number(node.text) + 1));
    if (ts.isPropertyAccessExpression(node)) {
      const other = EXCHANGED_CALLS.get(node.getText(source));
      if (other !== undefined) add(node, other);
    }
    if (ts.isIfStatement(node)) for (const always of ['true', 'false']) add(node.expression, always);
    if (ts.isConditionalExpression(node)) {
      const [yes, no] = [node.whenTrue.getText(source), node.whenFalse.getText(source)];
      add(node, `${node.condition.getText(source)} ? (${no}) : (${yes})`);
    }
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
      add(node, node.operand.getText(source));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
};

/** Whether a sum joins texts, where a minus gives no number. */
const joinsText = (node: ts.BinaryExpression): boolean =>
  node.operatorToken.kind === ts.SyntaxKind.PlusToken && [node.left, node.right].some(isText);

const isText = (node: ts.Expression): boolean =>
  ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || (ts.isBinaryExpression(node) && joinsText(node));
