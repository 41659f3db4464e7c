package io.sluice.ingester.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A part of the server's status that this command knows nothing of: one line a value, one heading an object. An
/// array of objects with the same values is a table.
final class PlainStatus {
    private PlainStatus() {}

    static List<String> lines(JsonNode node) {
        List<String> lines = new ArrayList<>();
        add(node, "", lines);
        return lines;
    }

    private static void add(JsonNode node, String indent, List<String> lines) {
        if (node.isArray()) {
            addArray(node, indent, lines);
            return;
        }
        for (Map.Entry<String, JsonNode> entry : node.properties()) {
            String name = words(entry.getKey());
            if (entry.getValue().isContainerNode()) {
                lines.add(indent + name + (entry.getValue().isEmpty() ? ": none" : ""));
                add(entry.getValue(), indent + "  ", lines);
            } else {
                lines.add(indent + "%-18s %s".formatted(name, text(entry.getKey(), entry.getValue())));
            }
        }
    }

    private static void addArray(JsonNode array, String indent, List<String> lines) {
        if (isTable(array)) {
            List<String> keys = new ArrayList<>();
            array.get(0).fieldNames().forEachRemaining(keys::add);
            TextTable table =
                    new TextTable(keys.stream().map(PlainStatus::words).toArray(String[]::new));
            array.forEach(item -> table.add(
                    keys.stream().map(key -> text(key, item.path(key))).toArray(String[]::new)));
            table.lines().forEach(line -> lines.add(indent + line));
            return;
        }
        for (JsonNode item : array) {
            if (item.isContainerNode()) {
                add(item, indent, lines);
                lines.add("");
            } else {
                lines.add(indent + Text.oneLine(item.asText()));
            }
        }
    }

    private static boolean isTable(JsonNode array) {
        List<String> keys = new ArrayList<>();
        array.path(0).fieldNames().forEachRemaining(keys::add);
        for (JsonNode item : array) {
            List<String> others = new ArrayList<>();
            item.fieldNames().forEachRemaining(others::add);
            boolean isFlat = item.isObject() && item.valueStream().noneMatch(JsonNode::isContainerNode);
            if (!isFlat || !others.equals(keys)) {
                return false;
            }
        }
        return !keys.isEmpty();
    }

    private static String words(String key) {
        return Text.oneLine(key.replace('_', ' '));
    }

    private static String text(String key, JsonNode value) {
        if (key.endsWith("bytes") && value.isIntegralNumber()) {
            return Units.bytes(value.asLong());
        }
        if (value.isIntegralNumber()) {
            return String.format(Locale.ROOT, "%,d", value.asLong());
        }
        return value.isNumber() ? String.format(Locale.ROOT, "%,.2f", value.asDouble()) : Text.oneLine(value.asText());
    }
}
