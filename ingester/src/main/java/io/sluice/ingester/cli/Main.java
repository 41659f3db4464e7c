package io.sluice.ingester.cli;

/// The program.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        System.exit(SluiceCommand.create().execute(arguments));
    }
}
