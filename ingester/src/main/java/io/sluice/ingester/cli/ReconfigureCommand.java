package io.sluice.ingester.cli;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.sluice.proto.v1.AdminServiceGrpc;
import io.sluice.proto.v1.AdminServiceGrpc.AdminServiceBlockingStub;
import io.sluice.proto.v1.ListSettingsRequest;
import io.sluice.proto.v1.ReconfigureRequest;
import io.sluice.proto.v1.Setting;
import io.sluice.proto.v1.SettingAssignment;
import io.sluice.proto.v1.SettingChange;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sluice reconfigure`.
@Command(
        name = "reconfigure",
        description = {
            "Changes settings of a running server, all of them or none; without values, lists those that can be changed.",
            "A change lasts until the server ends: what is to stay belongs into the file of serve --config as well."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice reconfigure",
            "  sluice reconfigure persist-concurrency=8 persist-memory=4GiB",
            "  sluice reconfigure --dry-run inflight-bytes=256MiB",
        })
final class ReconfigureCommand implements Callable<Integer> {
    private static final long DEADLINE_SECONDS = 10;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private ServerOption server = new ServerOption();

    @Option(names = "--dry-run", description = "Check and tell what would change, and change nothing")
    private boolean dryRun;

    @Option(names = "--all", description = "List the settings that need a restart, too")
    private boolean all;

    @Parameters(paramLabel = "KEY=VALUE", description = "A setting as in the configuration file, and its new value")
    private List<String> values = List.of();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        if (values.isEmpty()) {
            list(server.call(channel -> stub(channel)
                    .listSettings(ListSettingsRequest.getDefaultInstance())
                    .getSettingsList()));
        } else {
            ReconfigureRequest request = request();
            tell(server.call(channel -> change(stub(channel), request)));
        }
        out.flush();
        return ExitCodes.OK;
    }

    private static AdminServiceBlockingStub stub(ManagedChannel channel) {
        return AdminServiceGrpc.newBlockingStub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private ReconfigureRequest request() {
        ReconfigureRequest.Builder request = ReconfigureRequest.newBuilder().setDryRun(dryRun);
        for (String value : values) {
            int equals = value.indexOf('=');
            if (equals < 1) {
                throw new CommandFailedException(ExitCodes.USAGE, "'%s': expected KEY=VALUE".formatted(value));
            }
            request.addAssignments(SettingAssignment.newBuilder()
                    .setKey(value.substring(0, equals))
                    .setValue(value.substring(equals + 1)));
        }
        return request.build();
    }

    private static List<SettingChange> change(AdminServiceBlockingStub stub, ReconfigureRequest request) {
        try {
            return stub.reconfigure(request).getChangesList();
        } catch (StatusRuntimeException e) {
            if (e.getStatus().getCode() == Status.Code.INVALID_ARGUMENT) {
                throw new CommandFailedException(
                        ExitCodes.USAGE,
                        "%s; nothing was changed".formatted(e.getStatus().getDescription()));
            }
            throw e;
        }
    }

    private void tell(List<SettingChange> changes) {
        PrintWriter out = spec.commandLine().getOut();
        for (SettingChange change : changes) {
            out.println(Text.oneLine(
                    "%s: %s -> %s".formatted(change.getKey(), change.getOldValue(), change.getNewValue())));
        }
        if (changes.isEmpty()) {
            out.println("nothing changes: the server has these values already");
        } else if (dryRun) {
            out.println("nothing was changed: a dry run");
        }
    }

    private void list(List<Setting> settings) {
        PrintWriter out = spec.commandLine().getOut();
        List<Setting> listed =
                settings.stream().filter(setting -> all || setting.getLive()).toList();
        TextTable table = new TextTable("setting", "value", "default", "from");
        for (Setting setting : listed) {
            table.add(
                    setting.getKey() + (all && setting.getLive() ? " (live)" : ""),
                    setting.getValue(),
                    setting.getDefaultValue(),
                    setting.getChangedAt().isEmpty()
                            ? setting.getFrom()
                            : "%s, at %s".formatted(setting.getFrom(), setting.getChangedAt()));
        }
        table.lines().forEach(out::println);
    }
}
