import type { Action } from './action.ts';
import { showDocs } from './docs.ts';
import { newExperiment, showRecordedExperiment } from './experiment.ts';
import { exportPoint, showExport, startExport } from './export.ts';
import { showFinetune } from './finetune.ts';
import { redo, undo } from './history.ts';
import { cancelJob, profileFocused, profileForPlan, profileTasks, resumeRun } from './jobs.ts';
import { chooseCalibration, nextTask, openModel, openModelFile, openTask, openTaskFile, previousTask } from './open.ts';
import {
  addCandidateFolder,
  addCountsFile,
  addMethodFile,
  importCounts,
  importPlan,
  largerFactor,
  pinGo,
  pinStay,
  savePlan,
  smallerFactor,
} from './plan.ts';
import { showTrash } from './runs.ts';
import { measurePlan, reproduceSweep, saveReport, startSweep } from './sweep.ts';
import {
  showDevices,
  showMethods,
  showPalette,
  showSettings,
  showShortcuts,
  themeDark,
  themeLight,
  themeSystem,
  toggleInspector,
  togglePlanHatching,
  toggleSidebar,
  toggleTable,
} from './view.ts';

/** All actions, in palette and menu order; those that show a view are given. */
export const actionsWith = (showViews: readonly Action[]): readonly Action[] => [
  openModel,
  openModelFile,
  openTask,
  openTaskFile,
  chooseCalibration,
  importPlan,
  addMethodFile,
  importCounts,
  addCountsFile,
  addCandidateFolder,
  savePlan,
  saveReport,
  profileTasks,
  profileFocused,
  profileForPlan,
  startSweep,
  measurePlan,
  cancelJob,
  resumeRun,
  reproduceSweep,
  exportPoint,
  showExport,
  startExport,
  showFinetune,
  newExperiment,
  showDevices,
  undo,
  redo,
  smallerFactor,
  largerFactor,
  pinStay,
  pinGo,
  previousTask,
  nextTask,
  ...showViews,
  ...showDocs,
  showMethods,
  showRecordedExperiment,
  showTrash,
  toggleTable,
  togglePlanHatching,
  toggleSidebar,
  toggleInspector,
  showSettings,
  themeSystem,
  themeLight,
  themeDark,
  showShortcuts,
  showPalette,
];
