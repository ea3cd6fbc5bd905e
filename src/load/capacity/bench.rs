//! The real bench: turns a level into a run, and what the run reports into the outcome of a step.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::CapacityError;
use super::axis::Axis;
use super::count;
use super::course::{Arrival, Course, Dose};
use super::drive::Bench;
use super::generator::GeneratorWatch;
use super::search::Ask;
use super::step::{Generator, Recovery, StepOutcome};
use super::window::Window;
use crate::limits::DescriptorShortage;
use crate::load::metrics::Reading;
use crate::load::metrics::sources::{Snapshot, Sources};
use crate::load::report::Verdict;
use crate::load::{LoadError, LoadReport, Overrides, Plan, Progress, run_after};

/// The shortest preflight, and how often it is made twice as long for a scenario that takes longer.
const PREFLIGHT: Duration = Duration::from_secs(3);
const LONGER: u32 = 4;
/// A look at a system that may be recovering.
const GLANCE: Duration = Duration::from_secs(1);
const BETWEEN_GLANCES: Duration = Duration::from_millis(200);
/// Recovery is waited for during so many steps.
const PATIENCE: u32 = 2;

/// Runs steps with real users on a real system.
pub struct LoadBench {
    course: Course,
    sources: Sources,
    interrupt: CancellationToken,
    arrival: Arrival,
    /// When the load of the last step ended.
    ended: Instant,
}

/// What was seen of a run.
struct Seen {
    report: LoadReport,
    window: Window,
    generator: Generator,
    server: Vec<Reading>,
    plan: Arc<Plan>,
}

impl LoadBench {
    /// A bench that has run nothing.
    pub fn new(course: Course, sources: Sources, interrupt: CancellationToken) -> Self {
        let arrival = Arrival { units: 1.0, iteration: Duration::ZERO };
        Self { course, sources, interrupt, arrival, ended: Instant::now() }
    }

    /// The sources that it asks.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Runs one dose and looks at the systems at both ends of its window. Nothing after an interrupt.
    async fn run(
        &mut self,
        dose: Dose,
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<Option<Seen>, CapacityError> {
        let plan = Arc::new(self.course.compile(&Overrides {
            users: Some(dose.users),
            arrival_rate: dose.arrivals,
            duration: Some(dose.warm_up + dose.window),
            ramp: Some(dose.ramp),
            ..Overrides::default()
        })?);
        let mut window = Window::new(dose.warm_up);
        let (clock, elapsed) = watch::channel(Duration::ZERO);
        let mut ended = Instant::now();
        let (sees, ends) = (&mut window, &mut ended);
        let interrupt = self.interrupt.clone();
        let run = run_after(Arc::clone(&plan), dose.warm_up, &[], interrupt, move |progress| {
            sees.see(progress);
            *ends = Instant::now();
            clock.send_replace(progress.elapsed);
            tell(progress);
        });
        // The clock goes with the run: whoever waits for it hears of an early end.
        let (report, looked) = tokio::join!(run, self.look(dose, elapsed));
        self.ended = ended;
        let report = report?;
        if report.verdict == Verdict::Interrupted {
            return Ok(None);
        }
        let (generator, server) = looked.unwrap_or_default();
        Ok(Some(Seen { report, window, generator, server, plan }))
    }

    /// Watches the generator during the window, and asks the systems at its two ends, while load still lasts.
    async fn look(
        &self,
        dose: Dose,
        mut elapsed: watch::Receiver<Duration>,
    ) -> Option<(Generator, Vec<Reading>)> {
        let closing = dose.warm_up + dose.window.mul_f64(0.9);
        elapsed.wait_for(|elapsed| *elapsed >= dose.warm_up).await.ok()?;
        let generator = GeneratorWatch::start();
        let before: Snapshot = self.sources.snapshot().await;
        // A run whose few arrivals are all served ends before: it is asked then.
        elapsed.wait_for(|elapsed| *elapsed >= closing).await.ok();
        let generator = generator.end();
        let after = self.sources.snapshot().await;
        Some((generator, self.sources.readings(&before, &after)))
    }

    fn outcome(&self, level: f64, dose: &Dose, seen: Seen) -> StepOutcome {
        let Seen { report, window, mut generator, server, plan } = seen;
        generator.faults.extend(count::faults(&report));
        if dose.is_pool_short && report.generator.late_starts > 0 {
            let users = dose.users;
            generator
                .faults
                .push(format!("{users} users were too few for these arrivals; raise --max-users"));
        }
        let share = count::share(self.course.axis, &plan, &report);
        let ok = 1.0 - count::error_part(&report);
        let (achieved, goodput) = match self.course.axis {
            Axis::Users => (window.active(), window.exchanges_per_second() * ok),
            Axis::Sockets => {
                let lost = count::disconnects(&report) as f64;
                (window.active(), (window.active() - lost).max(0.0))
            }
            Axis::ArrivalRate => {
                let completed = window.completions_per_second().min(level);
                (completed, (completed - window.errors_per_second()).max(0.0))
            }
            Axis::Connects | Axis::Messages => {
                let completed = window.completions_per_second() * self.arrival.units;
                (completed.min(level), window.exchanges_per_second() * share * ok)
            }
        };
        StepOutcome {
            offered: level,
            achieved,
            goodput,
            concurrency: window.active(),
            response: report.total.response.map(count::percentiles),
            service: report.total.service.map(count::percentiles),
            error_percent: 100.0 * count::error_part(&report),
            disconnect_percent: count::disconnect_percent(&report, window.active(), window.seconds()),
            missed: count::missed(&report),
            failures: count::failures(&report),
            exchanges: report.total.count,
            unreachable: None,
            generator,
            server,
            recovery: None,
        }
    }

    /// Finds out what one arrival does, from the first run: nothing of it is left out, so nothing is cut in two.
    async fn calibrate(&mut self, level: f64) -> Result<bool, CapacityError> {
        let rate = level.max(1.0);
        let mut window = self.course.timing.warm_up.max(PREFLIGHT);
        for _ in 0..LONGER {
            let users = self.course.pool(rate * 2.0 * window.as_secs_f64());
            let none = Duration::ZERO;
            let dose =
                Dose { users, arrivals: Some(rate), ramp: none, warm_up: none, window, is_pool_short: false };
            let Some(seen) = self.run(dose, &mut |_| {}).await? else { return Ok(false) };
            let length = seen.window.iteration_length(rate);
            let (done, axis) = (seen.report.iterations, self.course.axis);
            let units = match axis {
                Axis::ArrivalRate => 1.0,
                _ => count::units(axis, &seen.plan, &seen.report) as f64 / (done as f64).max(1.0),
            };
            if let Some(iteration) = length.filter(|_| done > 0 && units > 0.0) {
                self.arrival = Arrival { units, iteration };
                return Ok(true);
            }
            if axis == Axis::ArrivalRate && length.is_some() {
                // Nobody gets through: the baseline will say why.
                return Ok(true);
            }
            if length.is_some() {
                return Err(self.no_arrival(&seen.report, window, rate));
            }
            window *= 2;
        }
        Err(CapacityError::NoArrivalFinished {
            file: self.course.document.name.clone(),
            seconds: window.as_secs_f64() / 2.0,
            level: rate,
            failure: None,
        })
    }

    fn no_arrival(&self, report: &LoadReport, window: Duration, level: f64) -> CapacityError {
        let failure = report.failures.first();
        CapacityError::NoArrivalFinished {
            file: self.course.document.name.clone(),
            seconds: window.as_secs_f64(),
            level,
            failure: failure.map(|failure| format!("{}: {}", failure.row, failure.cause)),
        }
    }
}

impl Bench for LoadBench {
    async fn prepare(&mut self, level: f64) -> Result<bool, CapacityError> {
        let plan = self.course.compile(&Overrides { users: Some(1), ..Overrides::default() })?;
        count::ensure_countable(self.course.axis, &plan)?;
        let ready = match self.course.axis.is_open() {
            true => self.calibrate(level).await,
            false => Ok(true),
        };
        match ready {
            Err(CapacityError::Load(LoadError::Interrupted)) => Ok(false),
            ready => ready,
        }
    }

    async fn step(
        &mut self,
        ask: &Ask,
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<Option<StepOutcome>, CapacityError> {
        let dose = self.course.dose(&self.arrival, ask.level);
        match self.run(dose, watch).await {
            Ok(seen) => Ok(seen.map(|seen| self.outcome(ask.level, &dose, seen))),
            Err(CapacityError::Load(LoadError::Interrupted)) => Ok(None),
            Err(CapacityError::Load(LoadError::Descriptors(shortage))) => {
                Ok(Some(beyond_descriptors(ask.level, &shortage)))
            }
            // A target that was there before and is no longer has broken.
            Err(CapacityError::Load(LoadError::Unreachable { source, .. }))
                if ask.purpose != super::search::Purpose::Baseline =>
            {
                let unreachable = Some(source.to_string());
                Ok(Some(StepOutcome { offered: ask.level, unreachable, ..StepOutcome::default() }))
            }
            Err(error) => Err(error),
        }
    }

    async fn recover(&mut self, level: f64) -> Result<Option<Recovery>, CapacityError> {
        let since = self.ended;
        let patience = (self.course.timing.warm_up + self.course.timing.window) * PATIENCE;
        loop {
            let begun = since.elapsed();
            let glance = Dose {
                warm_up: Duration::ZERO,
                ramp: Duration::ZERO,
                window: GLANCE,
                ..self.course.dose(&self.arrival, level)
            };
            let is_well = match self.run(glance, &mut |_| {}).await {
                Ok(None) | Err(CapacityError::Load(LoadError::Interrupted)) => return Ok(None),
                Ok(Some(seen)) => count::is_well(&seen.report),
                Err(CapacityError::Load(LoadError::Unreachable { .. })) => false,
                Err(error) => return Err(error),
            };
            if is_well {
                return Ok(Some(Recovery::After { seconds: begun.as_secs_f64() }));
            }
            if since.elapsed() > patience {
                return Ok(Some(Recovery::NotWithin { seconds: since.elapsed().as_secs_f64() }));
            }
            sleep(BETWEEN_GLANCES).await;
        }
    }
}

/// More connections than this process may open: the generator's limit, not the system's.
fn beyond_descriptors(level: f64, shortage: &DescriptorShortage) -> StepOutcome {
    let generator = Generator { faults: vec![shortage.to_string()], ..Generator::default() };
    StepOutcome { offered: level, generator, ..StepOutcome::default() }
}
