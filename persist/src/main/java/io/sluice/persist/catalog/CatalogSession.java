package io.sluice.persist.catalog;

import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;

/// Transactions on one database. Any thread may call any method.
interface CatalogSession extends AutoCloseable {
    /// Work inside a transaction. It may be run more than once, each time in a transaction of its own of which nothing
    /// is left.
    @FunctionalInterface
    interface Work<T> {
        T run(Connection connection) throws SQLException, IOException;
    }

    /// What nobody else changes meanwhile: two changes of equal locks take turns.
    ///
    /// @param name any text
    record Lock(String name) {
        /// Namespaces, tables, columns and sort keys: changes are few, and limits of their numbers are exact.
        static final Lock SCHEMA = new Lock("schema");
    }

    /// Runs work that changes nothing.
    ///
    /// @param doing what the work does, for the error: "list namespaces"
    /// @throws CatalogException if the database cannot answer
    /// @throws CatalogConflictException what the work says
    <T> T read(String doing, Work<T> work) throws IOException;

    /// Runs work in a transaction, which is durable when this returns and undone when it throws; if only the commit
    /// failed, it may be either.
    ///
    /// @param doing what the work does, for the error: "record file 'a'"
    /// @throws CatalogException if the database cannot answer
    /// @throws CatalogConflictException what the work says
    <T> T change(String doing, Lock lock, Work<T> work) throws IOException;

    /// What a query is given at its end so that nobody changes the rows it found before the transaction ends; empty
    /// where changes take turns anyway.
    String sharedRowLock();

    /// Waits for transactions under way. Closing twice is fine.
    @Override
    void close() throws IOException;
}
