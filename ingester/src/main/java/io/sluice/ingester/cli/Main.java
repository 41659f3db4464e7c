package io.sluice.ingester.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/// The program.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        // Rows and names are UTF-8, whatever the locale: what is printed may be read back.
        PrintWriter out = new PrintWriter(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.exit(SluiceCommand.create().setOut(out).execute(arguments));
    }
}
