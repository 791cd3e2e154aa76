export { dashboard, type DashboardHandler } from './dashboard/handler.ts'
export { serveDashboard, type ServedDashboard, type ServeOptions } from './dashboard/serve.ts'
export type { DashboardActions, DashboardOptions } from './dashboard/options.ts'
export type { Shown, ShownApp, ShownClient } from './dashboard/subjects.ts'
