import { lazy, Suspense } from "react";
import { Route, Switch, useLocation } from "wouter";
import { LoadingScreen } from "@/ui/LoadingScreen";
import { ErrorBoundary } from "./ErrorBoundary";
import { NotFound } from "./NotFound";
import { Shell } from "./Shell";

const HomeScreen = lazy(() => import("@/features/home/HomeScreen"));
const DatasetsScreen = lazy(() => import("@/features/datasets/DatasetsScreen"));
const NoiseScreen = lazy(() => import("@/features/noise/NoiseScreen"));
const TrainScreen = lazy(() => import("@/features/training/TrainScreen"));
const RunsScreen = lazy(() => import("@/features/runs/RunsScreen"));
const RunScreen = lazy(() => import("@/features/runs/RunScreen"));
const ReportScreen = lazy(() => import("@/features/report/ReportScreen"));
const EngineScreen = lazy(() => import("@/features/engine/EngineScreen"));
const DenoiseScreen = lazy(() => import("@/features/denoise/DenoiseScreen"));

/** The screens and their addresses. Each is loaded when it is first visited. */
export function App() {
  const [location] = useLocation();
  return (
    <Shell>
      <ErrorBoundary resetKey={location}>
        <Suspense fallback={<LoadingScreen />}>
          <Switch>
            <Route path="/" component={HomeScreen} />
            <Route path="/datasets" component={DatasetsScreen} />
            <Route path="/noise" component={NoiseScreen} />
            <Route path="/train" component={TrainScreen} />
            <Route path="/runs" component={RunsScreen} />
            <Route path="/runs/:id">{({ id }) => <RunScreen key={id} runId={id} />}</Route>
            <Route path="/report" component={ReportScreen} />
            <Route path="/denoise" component={DenoiseScreen} />
            <Route path="/engine" component={EngineScreen} />
            <Route component={NotFound} />
          </Switch>
        </Suspense>
      </ErrorBoundary>
    </Shell>
  );
}
