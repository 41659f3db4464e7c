package io.sluice.ingester.grpc;

import com.google.rpc.Code;
import io.grpc.stub.StreamObserver;
import io.sluice.ingester.settings.InvalidSettingException;
import io.sluice.ingester.settings.LiveSettings;
import io.sluice.ingester.settings.LiveSettings.Assignment;
import io.sluice.ingester.settings.LiveSettings.Change;
import io.sluice.ingester.settings.LiveSettings.Shown;
import io.sluice.proto.v1.AdminServiceGrpc;
import io.sluice.proto.v1.ListSettingsRequest;
import io.sluice.proto.v1.ListSettingsResponse;
import io.sluice.proto.v1.ReconfigureRequest;
import io.sluice.proto.v1.ReconfigureResponse;
import io.sluice.proto.v1.Setting;
import io.sluice.proto.v1.SettingChange;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// `sluice.v1.AdminService`.
public final class AdminServiceDoor extends AdminServiceGrpc.AdminServiceImplBase {
    private final LiveSettings settings;

    public AdminServiceDoor(LiveSettings settings) {
        this.settings = settings;
    }

    @Override
    public void listSettings(ListSettingsRequest request, StreamObserver<ListSettingsResponse> reply) {
        ListSettingsResponse.Builder response = ListSettingsResponse.newBuilder();
        settings.shown().forEach(setting -> response.addSettings(message(setting)));
        reply.onNext(response.build());
        reply.onCompleted();
    }

    private static Setting message(Shown shown) {
        return Setting.newBuilder()
                .setKey(shown.setting().key())
                .setValue(shown.value())
                .setDefaultValue(shown.setting().defaultValue())
                .setFrom(shown.from())
                .setLive(shown.setting().isLive())
                .setChangedAt(shown.changedAt().map(Instant::toString).orElse(""))
                .setDescription(shown.setting().description())
                .build();
    }

    @Override
    public void reconfigure(ReconfigureRequest request, StreamObserver<ReconfigureResponse> reply) {
        List<Assignment> assignments = request.getAssignmentsList().stream()
                .map(assignment -> new Assignment(assignment.getKey(), assignment.getValue()))
                .toList();
        ReconfigureResponse.Builder response = ReconfigureResponse.newBuilder();
        try {
            for (Change change : settings.change(assignments, request.getDryRun())) {
                response.addChanges(SettingChange.newBuilder()
                        .setKey(change.setting().key())
                        .setOldValue(change.from())
                        .setNewValue(change.to()));
            }
        } catch (InvalidSettingException e) {
            reply.onError(Statuses.of(new Failure(
                    Code.INVALID_ARGUMENT,
                    "INVALID_SETTING",
                    String.valueOf(e.getMessage()),
                    false,
                    Optional.empty())));
            return;
        } catch (RuntimeException e) {
            reply.onError(Statuses.of(Failure.unexpected(e, false)));
            return;
        }
        reply.onNext(response.build());
        reply.onCompleted();
    }
}
