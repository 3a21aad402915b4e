using System.Net;
using System.Text;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry;

public sealed class ErrorBodyTests
{
    private static readonly RequestSubject s_pull = new(RegistryAction.Pull, "debian:nope", "debian", "registry-1.docker.io");

    [Theory]
    [InlineData("""{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"nope"}}]}""", "MANIFEST_UNKNOWN", "manifest unknown")]
    [InlineData("""{"errors":[{"code":"DENIED"},{"code":"X","message":"second"}]}""", "DENIED", "second")]
    [InlineData("""{"error":"invalid_grant","error_description":"token is expired"}""", "invalid_grant", "token is expired")]
    [InlineData("""{"details":"incorrect username or password"}""", "", "incorrect username or password")]
    [InlineData("""{"errors":"no list","message":"text"}""", "", "text")]
    [InlineData("""{"errors":[1,null,{}]}""", "", "")]
    [InlineData("[]", "", "")]
    [InlineData("<html>", "", "")]
    [InlineData("", "", "")]
    [InlineData("""{"errors":[{"code":1,"message":"\ud800"}]}""", "", "")]
    public void Parse_Body_TellsCodeAndMessage(string body, string code, string message)
    {
        ErrorBody parsed = ErrorBody.Parse(Encoding.UTF8.GetBytes(body));

        Assert.Equal(code, parsed.Codes.FirstOrDefault() ?? "");
        Assert.Equal(message, parsed.Message);
    }

    [Fact]
    public void Parse_ControlCharacters_AreMadeVisibleAndBounded()
    {
        ErrorBody parsed = ErrorBody.Parse(Encoding.UTF8.GetBytes(
            "{\"message\":\"\\u001b[31mred\\nnext" + new string('x', 10_000) + "\"}"));

        Assert.StartsWith("\\x1b[31mred\\x0anext", parsed.Message, StringComparison.Ordinal);
        Assert.True(parsed.Message.Length < 300);
    }

    [Theory]
    [InlineData(404, "MANIFEST_UNKNOWN", "manifest unknown", ErrorKind.NotFound,
        "debian:nope: not found in registry-1.docker.io (manifest unknown)")]
    [InlineData(401, "UNAUTHORIZED", "", ErrorKind.Unauthenticated, "debian:nope: unauthorized: authentication required")]
    [InlineData(401, "DENIED", "", ErrorKind.PermissionDenied,
        "pull access denied for debian, repository does not exist or may require 'mica login': denied: requested access to the resource is denied")]
    [InlineData(403, "", "", ErrorKind.PermissionDenied,
        "pull access denied for debian, repository does not exist or may require 'mica login': denied: requested access to the resource is denied")]
    [InlineData(429, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit.", ErrorKind.Unavailable,
        "debian:nope: toomanyrequests: You have reached your unauthenticated pull rate limit.")]
    [InlineData(503, "", "", ErrorKind.Unavailable, "debian:nope: registry-1.docker.io failed with 503 service unavailable")]
    [InlineData(400, "NAME_INVALID", "invalid name", ErrorKind.InvalidArgument,
        "debian:nope: refused by registry-1.docker.io: invalid name (name invalid)")]
    [InlineData(400, "DIGEST_INVALID", "", ErrorKind.ContentMismatch, "debian:nope: refused by registry-1.docker.io (digest invalid)")]
    [InlineData(405, "", "", ErrorKind.Unsupported, "debian:nope: registry-1.docker.io does not support this")]
    [InlineData(409, "", "", ErrorKind.Conflict, "debian:nope: conflict in registry-1.docker.io")]
    [InlineData(418, "", "short and stout", ErrorKind.Failed, "debian:nope: registry-1.docker.io answered 418: short and stout")]
    public void Of_Status_IsOneLineForAUser(int status, string code, string message, ErrorKind kind, string text)
    {
        RegistryException error = RegistryErrors.Of(
            (HttpStatusCode)status, new ErrorBody(code.Length > 0 ? [code] : [], message), s_pull, "", retryAfter: null);

        Assert.Equal(text, error.Message);
        Assert.Equal(kind, error.Kind);
        Assert.Equal(status, (int?)error.Status);
    }

    [Fact]
    public void Of_PushDenied_SaysPush()
    {
        RegistryException error = RegistryErrors.Of(
            HttpStatusCode.Forbidden, ErrorBody.Empty, s_pull with { Action = RegistryAction.Push }, "", retryAfter: null);

        Assert.StartsWith("push access denied for debian, repository does not exist or may require authorization: denied:", error.Message, StringComparison.Ordinal);
    }
}
