import js from '@eslint/js';
import nodePlugin from 'eslint-plugin-n';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig } from 'eslint/config';
import typescript from 'typescript-eslint';

/** Forbids imports by pattern, with a reason for the reader. */
const noImports = (message, ...patterns) => ({
  'no-restricted-imports': ['error', { patterns: patterns.map((regex) => ({ regex, message })) }],
});
const oneWay = 'Imports point one way: electron to main/contract, renderer to the pure ring, main to neither.';

const spreadLiteral = {
  selector: 'ObjectExpression > SpreadElement > ObjectExpression',
  message: 'Write the members themselves: a spread literal switches off excess-property checks.',
};
const spreadArguments = {
  selector: ':matches(CallExpression, NewExpression) > SpreadElement.arguments',
  message:
    'Arguments are on the stack, which overflows at about a hundred thousand: use maxOf, minOf or a loop, or pass a ' +
    'list.',
};
/** Refuses comments that begin with "What of" or "Of", which hide their subject. */
const plainWords = {
  rules: {
    'no-hidden-subject': {
      create: (context) => ({
        Program: () => {
          for (const { loc, value } of context.sourceCode.getAllComments())
            if (/^[\s*]*(?:What of|Of)\b/.test(value))
              context.report({
                loc,
                message:
                  'Name the thing: "Plan fields that ..." for "What of a plan ...", "Bytes of ..." for "Of ...".',
              });
        },
      }),
    },
  },
};

/** What a file's own text shows. Rules that need types are those of `.oxlintrc.json`, which `npm run lint` runs too. */
export default defineConfig(
  {
    ignores: [
      'dist/',
      'out/',
      'coverage/',
      'playwright-report/',
      'test-results/',
      'resources/',
      'main/graph/onnx-messages.ts',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  { plugins: { words: plainWords }, rules: { 'words/no-hidden-subject': 'error' } },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [typescript.configs.strict, typescript.configs.stylistic],
    rules: {
      '@typescript-eslint/no-explicit-any': ['error', { fixToUnknown: false }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': true }],
      // Matters of taste.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // Parsers contain control characters.
      'no-control-regex': 'off',
      // In loops over typed arrays the index is in range by construction, which noUncheckedIndexedAccess cannot know.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-syntax': ['error', spreadLiteral],
    },
  },
  {
    files: ['main/**/*.ts', 'electron/**/*.ts', 'renderer/**/*.{ts,tsx}'],
    rules: { 'no-restricted-syntax': ['error', spreadLiteral, spreadArguments] },
  },
  {
    files: ['main/**/*.ts', 'electron/**/*.ts'],
    plugins: { n: nodePlugin },
    // The Node of the release, in Electron and as a package.
    settings: { node: { version: '>=24.0.0' } },
    rules: {
      'n/no-unsupported-features/es-builtins': 'error',
      'n/no-unsupported-features/node-builtins': ['error', { allowExperimental: true }],
    },
  },
  {
    // The shell and its bundled code also run in the Electron 25 of the window tests, which has Node 18.15.
    files: ['electron/**/*.ts', 'main/contract/**/*.ts'],
    settings: { node: { version: '^18.15.0 || >=20.0.0' } },
  },
  {
    files: ['main/**/*.ts'],
    rules: noImports(oneWay, '(^|/)(electron|renderer)(/|$)', '^react'),
  },
  {
    files: ['main/contract/**/*.ts'],
    rules: noImports('The contract is shared by both sides: it imports only itself and zod.', '^(?!\\./|zod$)'),
  },
  {
    files: ['electron/**/*.ts'],
    rules: noImports(oneWay, '/renderer/', '/main/(?!contract/)'),
  },
  {
    files: ['renderer/**/*.{ts,tsx}'],
    extends: [reactHooks.configs.flat.recommended],
    rules: noImports(
      oneWay,
      '(^|/)electron(/|$)',
      '/main/(?!(contract|words|statistics|evaluation|figures)/)',
      '^node:',
    ),
  },
  {
    // The page also runs in browsers and an older Electron that lack these.
    files: ['renderer/**/*.{ts,tsx}', 'main/{contract,words,statistics,evaluation,figures}/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Map', property: 'groupBy' },
        { object: 'Object', property: 'groupBy' },
        { object: 'Promise', property: 'withResolvers' },
      ],
    },
  },
  {
    files: ['main/cli/**/*.ts', 'tests/bench/**/*.ts', 'resources/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { globals: { process: 'readonly', __dirname: 'readonly', __filename: 'readonly' } },
  },
);
