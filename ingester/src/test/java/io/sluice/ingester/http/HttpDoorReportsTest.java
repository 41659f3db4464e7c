package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// What the door tells of the server, and what it says to those who ask for something else.
@Timeout(value = 30, unit = TimeUnit.SECONDS)
final class HttpDoorReportsTest {
    private final RunningDoor door = new RunningDoor();

    @AfterEach
    void stop() {
        door.close();
    }

    private HttpResponse<String> send(String method, String path) throws Exception {
        return door.send(door.request(path).method(method, BodyPublishers.noBody()));
    }

    @Test
    void pingAnswersEveryClientWithNoContentAndTheVersion() throws Exception {
        for (String method : List.of("GET", "HEAD", "POST")) {
            HttpResponse<String> response = send(method, "/ping");
            assertThat(response.statusCode()).as(method).isEqualTo(204);
            assertThat(response.headers().firstValue("X-Sluice-Version")).hasValue(RunningDoor.VERSION);
            assertThat(response.headers().firstValue("X-Influxdb-Version")).hasValue("sluice-" + RunningDoor.VERSION);
        }
    }

    @Test
    void healthPassesAlsoWhenTheServerIsNotReady() throws Exception {
        door.reasonsNotReady.add("starting");
        HttpResponse<String> response = door.get("/health");
        assertThat(response.statusCode()).isEqualTo(200);
        JsonNode json = RunningDoor.json(response.body());
        assertThat(json.path("status").asText()).isEqualTo("pass");
        assertThat(json.path("version").asText()).isEqualTo(RunningDoor.VERSION);
        assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
    }

    @Test
    void readyNamesEveryReasonUntilThereIsNone() throws Exception {
        door.reasonsNotReady.add("starting: the log is being replayed, 5 of 10 bytes");
        door.reasonsNotReady.add("the \"queue\" is full");
        HttpResponse<String> notReady = door.get("/ready");
        assertThat(notReady.statusCode()).isEqualTo(503);
        JsonNode json = RunningDoor.json(notReady.body());
        assertThat(json.path("status").asText()).isEqualTo("not ready");
        assertThat(json.path("reasons").path(0).asText())
                .isEqualTo("starting: the log is being replayed, 5 of 10 bytes");
        assertThat(json.path("reasons").path(1).asText()).isEqualTo("the \"queue\" is full");

        door.reasonsNotReady.clear();
        HttpResponse<String> ready = door.get("/ready");
        assertThat(ready.statusCode()).isEqualTo(200);
        assertThat(RunningDoor.json(ready.body()).path("status").asText()).isEqualTo("ready");
        assertThat(RunningDoor.json(ready.body()).path("reasons")).isEmpty();
    }

    @Test
    void metricsAndStatusAreHandedOutAsTheyAre() throws Exception {
        HttpResponse<String> metrics = door.get("/metrics");
        assertThat(metrics.statusCode()).isEqualTo(200);
        assertThat(metrics.body()).isEqualTo("sluice_up 1\n");
        assertThat(metrics.headers().firstValue("Content-Type")).hasValue("text/plain; version=0.0.4; charset=utf-8");
        HttpResponse<String> status = door.get("/status");
        assertThat(status.statusCode()).isEqualTo(200);
        assertThat(status.body()).isEqualTo("{\"state\":\"running\"}");
        assertThat(status.headers().firstValue("Content-Type")).hasValue("application/json");
    }

    @Test
    void theRootListsWhatThereIs() throws Exception {
        HttpResponse<String> response = door.get("/");
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body())
                .contains("/api/v2/write?bucket=", "/write?db=", "/ping", "/health", "/ready", "/metrics", "/status");
    }

    @Test
    void headHasTheStatusAndNoBody() throws Exception {
        door.reasonsNotReady.add("starting");
        for (Map.Entry<String, Integer> entry : Map.of(
                        "/", 200, "/health", 200, "/ready", 503, "/metrics", 200, "/nowhere", 404)
                .entrySet()) {
            HttpResponse<String> response = send("HEAD", entry.getKey());
            assertThat(response.statusCode()).as(entry.getKey()).isEqualTo(entry.getValue());
            assertThat(response.body()).as(entry.getKey()).isEmpty();
        }
    }

    @Test
    void aPathThatIsNoneOfOursIsNotFoundAndCountedAmongOthers() throws Exception {
        for (String path : List.of("/nowhere", "/api/v2/writes", "/write/", "/api/v2/query?bucket=b")) {
            HttpResponse<String> response = door.get(path);
            assertThat(response.statusCode()).as(path).isEqualTo(404);
            assertThat(RunningDoor.json(response.body()).path("code").asText())
                    .as(path)
                    .isEqualTo("not found");
        }
        assertThat(door.counted("other", "404")).isEqualTo(4);
        assertThat(door.get("/a%0Ab").statusCode()).as("no path at all").isEqualTo(400);
    }

    @Test
    void aMethodThatAPathDoesNotHaveIsAnsweredWithThoseItHas() throws Exception {
        Map<String, String> allowed = Map.of(
                "/api/v2/write?bucket=b", "POST",
                "/write?db=b", "POST",
                "/ping", "GET, HEAD, POST",
                "/health", "GET, HEAD",
                "/ready", "GET, HEAD",
                "/metrics", "GET, HEAD",
                "/status", "GET, HEAD",
                "/", "GET, HEAD");
        for (Map.Entry<String, String> entry : allowed.entrySet()) {
            HttpResponse<String> response = send("DELETE", entry.getKey());
            assertThat(response.statusCode()).as(entry.getKey()).isEqualTo(405);
            assertThat(response.headers().firstValue("Allow"))
                    .as(entry.getKey())
                    .hasValue(entry.getValue());
        }
        assertThat(send("GET", "/api/v2/write?bucket=b").statusCode()).isEqualTo(405);
        assertThat(send("POST", "/metrics").statusCode()).isEqualTo(405);
    }

    @Test
    void anErrorOfAnyLengthAndAlphabetFitsItsHeader() throws Exception {
        String name = "%C3%A9".repeat(2_000);
        HttpResponse<String> response = door.post("/api/v2/write?bucket=b&precision=" + name, "m f=1");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("é".repeat(2_000));
        assertThat(response.headers().firstValue("X-Influxdb-Error").orElseThrow())
                .hasSize(1_024)
                .contains("?");
    }
}
