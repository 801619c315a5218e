"""Deadlines told one by one."""

from peewee import SQL, BooleanField


def up(migrator, db):
    # the default is the database's too: the release before goes on inserting cases without the columns
    for name in ("reply_late", "solve_late"):
        column = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
        migrator.migrate(migrator.add_column("feedback_case", name, column))
    db.execute_sql("UPDATE feedback_case SET reply_late = escalated")  # what was told is not told again
    migrator.migrate(migrator.drop_index("feedback_case", "feedbackcase_tenant_escalated_reply_by"))
    migrator.migrate(migrator.drop_index("feedback_case", "feedbackcase_tenant_escalated_solve_by"))
    migrator.migrate(migrator.add_index("feedback_case", ("tenant", "reply_late", "reply_by")))
    migrator.migrate(migrator.add_index("feedback_case", ("tenant", "solve_late", "solve_by")))


def down(migrator, db):
    migrator.migrate(migrator.drop_index("feedback_case", "feedback_case_tenant_solve_late_solve_by"))
    migrator.migrate(migrator.drop_index("feedback_case", "feedback_case_tenant_reply_late_reply_by"))
    migrator.migrate(migrator.drop_column("feedback_case", "solve_late"))
    migrator.migrate(migrator.drop_column("feedback_case", "reply_late"))
    migrator.migrate(
        migrator.add_index(
            "feedback_case", ("tenant", "escalated", "solve_by"), name="feedbackcase_tenant_escalated_solve_by"
        )
    )
    migrator.migrate(
        migrator.add_index(
            "feedback_case", ("tenant", "escalated", "reply_by"), name="feedbackcase_tenant_escalated_reply_by"
        )
    )
