package io.sluice.persist.retry;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;

/// Times the calls of a service and tells [Availability] of each whether it was answered: a timer by `method` and
/// `outcome` (`ok`, `error`, or a word for an answer that is an exception). Any thread may call any method.
public final class CallMeter {
    private static final String OK = "ok";

    private final String name;
    private final String description;
    private final Class<? extends IOException> answer;
    private final String answerOutcome;
    private final Availability availability;
    private final MeterRegistry meters;

    /// @param name of the timer
    /// @param answer an exception that the service answers with, so that it is not away
    /// @param answerOutcome what calls are counted as that are answered so
    public CallMeter(
            String name,
            String description,
            Class<? extends IOException> answer,
            String answerOutcome,
            Availability availability,
            MeterRegistry meters) {
        this.name = name;
        this.description = description;
        this.answer = answer;
        this.answerOutcome = answerOutcome;
        this.availability = availability;
        this.meters = meters;
    }

    /// A call that returns something.
    @FunctionalInterface
    public interface Call<T> {
        T run() throws IOException;
    }

    /// A call that returns nothing.
    @FunctionalInterface
    public interface Action {
        void run() throws IOException;
    }

    /// Makes a call.
    public <T> T time(String method, Call<T> call) throws IOException {
        return time(method, call, availability::succeeded);
    }

    /// Makes a call that returns nothing.
    public void time(String method, Action action) throws IOException {
        time(method, () -> {
            action.run();
            return OK;
        });
    }

    /// Makes a call that need not ask the service anything: that it succeeds says nothing of it.
    public <T> T timeLocal(String method, Call<T> call) throws IOException {
        return time(method, call, () -> {});
    }

    private <T> T time(String method, Call<T> call, Runnable succeeded) throws IOException {
        Timer.Sample sample = Timer.start(meters);
        String outcome = "error";
        try {
            T result = call.run();
            outcome = OK;
            succeeded.run();
            return result;
        } catch (IOException e) {
            if (answer.isInstance(e)) {
                outcome = answerOutcome;
                availability.succeeded();
            } else {
                availability.failed(e);
            }
            throw e;
        } finally {
            sample.stop(Timer.builder(name)
                    .description(description)
                    .tag("method", method)
                    .tag("outcome", outcome)
                    .register(meters));
        }
    }
}
