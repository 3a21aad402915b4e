using System.Data.Common;
using Mica.RegistryServer;
using Mica.RegistryServer.Metadata;

namespace Mica.Tests.RegistryServer.Configuration;

public sealed class PostgresPasswordTests
{
    [Theory]
    [InlineData("simple\n")]
    [InlineData("with;semicolon='and\" quotes")]
    public async Task ConnectionString_WithAPasswordFile_HasThePassword(string content)
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);

            string text = await PostgresPassword.ConnectionStringAsync(
                new RegistryServerOptions { DataDirectory = "/d", PostgreSql = "Host=db;Username=me", PostgreSqlPasswordFile = file },
                TestContext.Current.CancellationToken);

            var parts = new DbConnectionStringBuilder { ConnectionString = text };
            Assert.Equal(("db", "me", content.TrimEnd('\n')), ((string)parts["Host"], (string)parts["Username"], (string)parts["Password"]));
        }
        finally
        {
            File.Delete(file);
        }
    }
}
